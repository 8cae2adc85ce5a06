"""Forms of a registered till."""

from __future__ import annotations

from wtforms import HiddenField, PasswordField

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
