"""Forms of the people: inviting, roles, joining, passwords."""

from __future__ import annotations

from wtforms import (
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from app.errors import Refused, RegularsError
from app.http import attempts
from app.services.staff.allowances import Limits
from app.web.base_form import RegularsForm, WholeNumberField, never_empty
from app.web.choices import choice

ROLES = {
    "cashier": "Cashier: awards, redeems, undoes own acts",
    "manager": "Manager: all but staff and keys",
    "viewer": "Viewer: looks, changes nothing",
    "owner": "Owner: everything",
}

_NUMBER = {"autocomplete": "off", "inputmode": "numeric"}
_NEW = {"autocomplete": "new-password"}


class InviteForm(RegularsForm):
    """Invite a person."""

    name = StringField("Name", render_kw={"autocomplete": "off"})
    email = StringField("Email", render_kw={"autocomplete": "off", "inputmode": "email"})
    role = SelectField("Role", choices=[choice(*each) for each in ROLES.items()])


class PersonForm(RegularsForm):
    """What a person may do, where, and how many points they may give by hand."""

    role = SelectField("Role", choices=[choice(*each) for each in ROLES.items()])
    location_ids = SelectMultipleField(
        "Works at",
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    limits = RadioField(
        "Points given by hand",
        choices=[choice("role", "As the role"), choice("own", "Limits of their own")],
        default="role",
    )
    per_award_points = WholeNumberField(
        "At once", required=False, description="Empty is no limit.", render_kw=_NUMBER
    )
    per_shift_points = WholeNumberField(
        "In a shift of 12 hours",
        required=False,
        description="Empty is no limit.",
        render_kw=_NUMBER,
    )

    had_own_limits = False
    """Whether the person has limits of their own, which the page shows where the role's hold."""

    def validate_limits(self, field: Field) -> None:
        """Refuse numbers that were typed but would not count."""
        typed = (self.per_award_points.data, self.per_shift_points.data)
        if field.data != "own" and typed != (None, None) and not self.had_own_limits:
            raise ValidationError("Choose “Limits of their own” for these numbers, or empty them.")

    def chosen_limits(self) -> Limits | None:
        """Give the limits that were typed, or None: as the role."""
        if self.limits.data != "own":
            return None
        return Limits(self.per_award_points.data, self.per_shift_points.data)


class AllowancesForm(RegularsForm):
    """How many points each role may give by hand."""

    cashier_award = WholeNumberField("Cashiers, at once", required=False, render_kw=_NUMBER)
    cashier_shift = WholeNumberField("Cashiers, in a shift", required=False, render_kw=_NUMBER)
    manager_award = WholeNumberField("Managers, at once", required=False, render_kw=_NUMBER)
    manager_shift = WholeNumberField("Managers, in a shift", required=False, render_kw=_NUMBER)
    owner_award = WholeNumberField("Owners, at once", required=False, render_kw=_NUMBER)
    owner_shift = WholeNumberField("Owners, in a shift", required=False, render_kw=_NUMBER)

    def limits_of(self, role: str) -> Limits:
        """Give what was typed for a role."""
        return Limits(self[f"{role}_award"].data, self[f"{role}_shift"].data)


class _NewPasswordForm(RegularsForm):
    password = PasswordField(
        "New password",
        description="At least 12 characters. Several words are easy to keep and hard to guess.",
        **never_empty("Choose a password.", **_NEW),
    )
    again = PasswordField(
        "The same once more", **never_empty("Type the new password again.", **_NEW)
    )

    def validate_again(self, field: Field) -> None:
        """Refuse two that differ."""
        if field.data != self.password.data:
            raise ValidationError("This is not the same as above. Type both again.")


class JoinForm(_NewPasswordForm):
    """Take an invitation."""


class ConfirmForm(RegularsForm):
    """Show again who one is."""

    current = PasswordField(
        "Your password", **never_empty("Type your password.", autocomplete="current-password")
    )
    next = HiddenField()


class CodeForm(RegularsForm):
    """A code of an authenticator app, or a recovery code."""

    code = StringField(
        "Code",
        **never_empty(
            "Type the code.", autocomplete="one-time-code", spellcheck="false", maxlength="40"
        ),
    )
    next = HiddenField()


class PasskeyForm(RegularsForm):
    """Make a passkey; the browser fills in `credential`."""

    passkey_name = StringField(
        "Name of the passkey",
        description="For example “My telephone”.",
        render_kw={"autocomplete": "off"},
    )
    credential = HiddenField()

    def refuse(self, error: RegularsError) -> None:
        """Show a refusal above the fields: the passkey's has no place on the page."""
        error.param = None
        super().refuse(error)


class PasskeySignInForm(RegularsForm):
    """Sign in by passkey. Nobody is signed in yet, so there is no workspace to fence."""

    credential = HiddenField()
    next = HiddenField()

    def validate_workspace(self, field: object) -> None:
        """Let it be: who signs in here leaves what was open."""

    def refuse(self, error: RegularsError) -> None:
        """Note the attempt, and do not say what was wrong with the passkey."""
        del error
        attempts.note("passkey")
        super().refuse(Refused("This passkey is not known here. Sign in with your password."))


class PasswordForm(_NewPasswordForm):
    """Take another password."""

    current = PasswordField(
        "Your password now", **never_empty("Type your password.", autocomplete="current-password")
    )
