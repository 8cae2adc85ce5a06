"""docs/security.md and docs/promises.md name tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

NAMED = re.compile(r"`(?:(tests/[\w/]+\.py))?::(test_\w+)(?:\[[^`]*\])?`")


@pytest.mark.parametrize(("name", "least"), [("security.md", 100), ("promises.md", 25)])
def test_every_test_that_is_named_is_there(name: str, least: int) -> None:
    """A name without a path is of the file that was named before it in the same row."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    count = 0
    for line in text.splitlines():
        path = ""
        for match in NAMED.finditer(line):
            path = match.group(1) or path
            source = (ROOT / path).read_text("utf-8")
            assert f"def {match.group(2)}(" in source, f"{path}::{match.group(2)}"
            count += 1

    assert count > least
