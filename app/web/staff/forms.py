"""Forms of signing in and of one's own settings."""

from __future__ import annotations

from wtforms import BooleanField, HiddenField, PasswordField, SelectField, StringField

from app.web.base_form import RegularsForm, never_empty
from app.web.choices import choice


class SignInForm(RegularsForm):
    """Email and password."""

    email = StringField(
        "Email", **never_empty("Type your email.", autocomplete="username", inputmode="email")
    )
    password = PasswordField(
        "Password", **never_empty("Type your password.", autocomplete="current-password")
    )
    stay = BooleanField("Keep this till signed in for 12 hours", default=True)
    next = HiddenField()

    def validate_workspace(self, field: object) -> None:
        """Let it be: who signs in here leaves what was open."""


class NameForm(RegularsForm):
    """How one is called."""

    name = StringField("Your name", render_kw={"autocomplete": "name"})


class LocationForm(RegularsForm):
    """Where one works."""

    location_id = SelectField(
        "You work at", validate_choice=False, **never_empty("Choose where you work.")
    )


class PreferencesForm(RegularsForm):
    """How one wants the pages."""

    theme = SelectField(
        "Colours",
        choices=[
            choice("system", "As this device has them"),
            choice("light", "Light"),
            choice("dark", "Dark"),
        ],
    )
    letter_keys = BooleanField("Single letters are keys, such as A for award")
    sounds = BooleanField("The counter sounds when something is done or refused")


class ModeForm(RegularsForm):
    """Live or Test. The workspace fence is off: this form is what crosses it."""

    mode = HiddenField()

    def validate_workspace(self, field: object) -> None:
        """Let it cross."""
