"""Forms of the counter; redeeming has the same form as a member's page."""

from __future__ import annotations

from wtforms.validators import ValidationError

from app.web.approving import ApprovableForm
from app.web.base_form import MoneyField


class CounterAwardForm(ApprovableForm):
    """Award for a purchase."""

    spent = MoneyField(
        "Award for a purchase",
        render_kw={"autocomplete": "off", "inputmode": "decimal"},
    )

    def validate_spent(self, field: MoneyField) -> None:
        """Refuse nothing."""
        if not field.data and not field.errors:
            raise ValidationError(f"Enter what was paid, for example {field.written(420)}.")
