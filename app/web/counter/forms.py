"""Forms of the counter; redeeming has the same form as a member's page."""

from __future__ import annotations

from app.web.approving import ApprovableForm
from app.web.base_form import MoneyField


class CounterAwardForm(ApprovableForm):
    """Award for a purchase."""

    spent = MoneyField(
        "Award for a purchase",
        render_kw={"autocomplete": "off", "inputmode": "decimal"},
    )
