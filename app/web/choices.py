"""Options of select and radio fields."""

from __future__ import annotations

from typing import Any

# The published types lag behind WTForms 3.3, which has this class and warns about tuples.
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]


def choice(value: str, label: str | None = None) -> Any:
    """Make one option; its label is its value unless another is given."""
    return SelectChoice(value, label or value)
