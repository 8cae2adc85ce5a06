"""Forms of the ledger's acts."""

from __future__ import annotations

from wtforms import BooleanField, RadioField, StringField

from app.web.approving import ApprovableForm
from app.web.base_form import RegularsForm, WholeNumberField
from app.web.choices import choice

_OFF = {"autocomplete": "off"}
_NUMBER = {"autocomplete": "off", "inputmode": "numeric"}


class AwardPointsForm(ApprovableForm):
    """Give points."""

    points = WholeNumberField("Points", render_kw=_NUMBER)
    reason = StringField(
        "Reason",
        description="The member sees this, for example “Purchase, order 1911”.",
        render_kw=_OFF,
    )
    note = StringField(
        "Note for staff", description="The member does not see this.", render_kw=_OFF
    )


class AdjustPointsForm(ApprovableForm):
    """Correct a balance."""

    points = WholeNumberField(
        "Points", example="50 or −50", description="With a minus to take points.", render_kw=_NUMBER
    )
    reason = StringField("Reason", description="The member sees this.", render_kw=_OFF)
    note = StringField(
        "Note for staff", description="The member does not see this.", render_kw=_OFF
    )
    allow_negative = BooleanField("Let the balance go below zero")


class ReverseForm(RegularsForm):
    """Take an award back, whole or in part."""

    how = RadioField(
        "How much?",
        choices=[choice("all", "All of it"), choice("part", "A part")],
        default="all",
    )
    points = WholeNumberField("Points to take back", required=False, render_kw=_NUMBER)
    reason = StringField("Reason", default="Refund", render_kw=_OFF)

    def asked_points(self) -> int | None:
        """Give the part that was asked for, or None for all that is left."""
        return self.points.data if self.how.data == "part" else None
