"""Forms of PINs."""

from __future__ import annotations

from wtforms import Field, HiddenField, PasswordField
from wtforms.validators import ValidationError

from app.web.base_form import RegularsForm


class PinForm(RegularsForm):
    """The PIN of who was chosen. Nobody is signed in yet, so there is no workspace to fence."""

    pin = PasswordField(
        "PIN",
        render_kw={
            "inputmode": "numeric",
            "autocomplete": "off",
            "maxlength": "6",
            "data-sends-at": "6",
        },
    )
    next = HiddenField()

    def validate_workspace(self, field: object) -> None:
        """Let it be: who signs in here leaves what was open."""


class OwnPinForm(RegularsForm):
    """Take a PIN."""

    current = PasswordField("Your password", render_kw={"autocomplete": "current-password"})
    pin = PasswordField(
        "New PIN",
        description="Six digits. Not a date, not a row: nobody should guess it over your shoulder.",
        render_kw={"autocomplete": "off", "inputmode": "numeric", "maxlength": "6"},
    )
    pin_again = PasswordField(
        "The same once more",
        render_kw={"autocomplete": "off", "inputmode": "numeric", "maxlength": "6"},
    )

    def validate_pin_again(self, field: Field) -> None:
        """Refuse two that differ."""
        if field.data != self.pin.data:
            raise ValidationError("This is not the same as above. Type both again.")
