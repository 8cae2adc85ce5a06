"""Forms of redemptions."""

from __future__ import annotations

from wtforms import StringField

from app.web.base_form import RegularsForm


class RedeemForm(RegularsForm):
    """Buy one reward. `offer` is its id and the cost seen, from the pressed button."""

    offer = StringField("Reward")

    @property
    def reward_id(self) -> str:
        """Give the chosen reward's id."""
        return str(self.offer.data or "").partition(" ")[0]

    @property
    def expected_points(self) -> int | None:
        """Give the cost that the page showed."""
        cost = str(self.offer.data or "").partition(" ")[2]
        return int(cost) if cost.isascii() and cost.isdigit() and len(cost) < 10 else None  # noqa: PLR2004


class CancelForm(RegularsForm):
    """Cancel a redemption."""

    reason = StringField(
        "Reason", default="Redemption cancelled", render_kw={"autocomplete": "off"}
    )
