"""Forms of PINs."""

from __future__ import annotations

from wtforms import Field, HiddenField, PasswordField
from wtforms.validators import ValidationError

from app.web.base_form import RegularsForm, never_empty

_PIN = {"autocomplete": "off", "inputmode": "numeric", "maxlength": "6"}


class PinForm(RegularsForm):
    """The PIN of who was chosen. Nobody is signed in yet, so there is no workspace to fence."""

    pin = PasswordField(
        "PIN",
        **never_empty("Type your PIN.", **{**_PIN, "data-sends-at": "6"}),
    )
    next = HiddenField()

    def validate_workspace(self, field: object) -> None:
        """Let it be: who signs in here leaves what was open."""


class OwnPinForm(RegularsForm):
    """Take a PIN."""

    current = PasswordField(
        "Your password", **never_empty("Type your password.", autocomplete="current-password")
    )
    pin = PasswordField(
        "New PIN",
        description="Six digits. Not a date, not a row: nobody should guess it over your shoulder.",
        **never_empty("Choose six digits.", **_PIN),
    )
    pin_again = PasswordField(
        "The same once more",
        **never_empty("Type the new PIN again.", **_PIN),
    )

    def validate_pin_again(self, field: Field) -> None:
        """Refuse two that differ."""
        if field.data != self.pin.data:
            raise ValidationError("This is not the same as above. Type both again.")
