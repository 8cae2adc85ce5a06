"""Forms of the ledger's acts."""

from __future__ import annotations

from wtforms import BooleanField, Field, RadioField, StringField
from wtforms.validators import ValidationError

from app.errors import AlreadyReversed, RegularsError
from app.web.approving import ApprovableForm
from app.web.base_form import RegularsForm, WholeNumberField
from app.web.choices import choice
from app.web.filters import clock_time

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

    def validate_points(self, field: Field) -> None:
        """Refuse a part without its points, and points without a part."""
        if self.how.data == "part" and field.data is None and not field.errors:
            raise ValidationError("Enter how many points to take back.")
        if self.how.data == "all" and field.data is not None:
            raise ValidationError("Choose “A part” for this, or empty it to take back all.")

    def refuse(self, error: RegularsError) -> None:
        """Show a refusal; if the award is reversed already, name who did it and when."""
        super().refuse(error)
        if isinstance(error, AlreadyReversed) and error.reversed_at is not None:
            name = error.reversed_by or "Somebody"
            at = clock_time(error.reversed_at)
            self.refusal = f"{name} reversed this at {at}. Nothing was taken twice."

    def asked_points(self) -> int | None:
        """Give the part that was asked for, or None for all that is left."""
        return self.points.data if self.how.data == "part" else None
