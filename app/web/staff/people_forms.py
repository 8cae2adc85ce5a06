"""Forms of the people: inviting, roles, joining, passwords."""

from __future__ import annotations

from wtforms import Field, HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import ValidationError

from app.web.base_form import RegularsForm
from app.web.choices import choice

ROLES = {
    "cashier": "Cashier: awards, redeems, undoes own acts",
    "manager": "Manager: all but staff and keys",
    "viewer": "Viewer: looks, changes nothing",
    "owner": "Owner: everything",
}

_NEW = {"autocomplete": "new-password"}


class InviteForm(RegularsForm):
    """Invite a person."""

    name = StringField("Name", render_kw={"autocomplete": "off"})
    email = StringField("Email", render_kw={"autocomplete": "off", "inputmode": "email"})
    role = SelectField("Role", choices=[choice(*each) for each in ROLES.items()])


class RoleForm(RegularsForm):
    """Give a person another role."""

    role = SelectField("Role", choices=[choice(*each) for each in ROLES.items()])


class _NewPasswordForm(RegularsForm):
    password = PasswordField(
        "New password",
        description="At least 12 characters. Several words are easy to keep and hard to guess.",
        render_kw=_NEW,
    )
    again = PasswordField("The same once more", render_kw=_NEW)

    def validate_again(self, field: Field) -> None:
        """Refuse two that differ."""
        if field.data != self.password.data:
            raise ValidationError("This is not the same as above. Type both again.")


class JoinForm(_NewPasswordForm):
    """Take an invitation."""


class CodeForm(RegularsForm):
    """A code of an authenticator app, or a recovery code."""

    code = StringField(
        "Code",
        render_kw={"autocomplete": "one-time-code", "spellcheck": "false", "maxlength": "40"},
    )
    next = HiddenField()


class PasswordForm(_NewPasswordForm):
    """Take another password."""

    current = PasswordField("Your password now", render_kw={"autocomplete": "current-password"})
