"""Forms of API keys."""

from __future__ import annotations

from wtforms import Field, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput

from app.rules.api_keys import SCOPES
from app.services.api_keys.keys import OVERLAP_HOURS
from app.web.base_form import RegularsForm
from app.web.choices import choice

OVERLAPS = {0: "now", 1: "in an hour", 24: "in a day", 168: "in a week"}

NAMES = {
    "programs": "Program rules",
    "customers": "Customers: names, emails, phones",
    "accounts": "Accounts: enrol, balances",
    "points": "Points: award, reverse, the ledger",
    "rewards": "Rewards",
    "redemptions": "Redemptions: redeem, cancel, hand over",
    "events": "Events",
    "webhook_endpoints": "Webhook endpoints",
}
"""What a resource is called on the page."""


class KeyForm(RegularsForm):
    """A new API key."""

    name = StringField(
        "What it is for",
        description="For example Till server, or Online shop.",
        render_kw={"autocomplete": "off", "maxlength": 80},
    )
    reach = RadioField(
        "It may",
        choices=[choice("all", "do everything"), choice("some", "do only what you tick")],
        default="all",
    )
    scopes = SelectMultipleField(
        "Ticked", choices=[choice(scope) for scope in SCOPES], option_widget=CheckboxInput()
    )

    def validate_scopes(self, field: Field) -> None:
        """Refuse ticks beside “do everything”: a key that may more than was meant is a danger."""
        if field.data and self.reach.data == "all":
            raise ValidationError(
                "You ticked parts, but chose “do everything”. Choose “do only what you tick”, "
                "or take the ticks out."
            )

    def chosen_scopes(self) -> list[str] | None:
        """Give the ticked scopes, or None for everything."""
        return None if self.reach.data == "all" else list(self.scopes.data or [])


class RollForm(RegularsForm):
    """A key like another one, which then ends."""

    overlap_hours = SelectField(
        "The old key ends",
        choices=[choice(str(hours), OVERLAPS[hours]) for hours in OVERLAP_HOURS],
        default="24",
    )
