"""Forms of webhook endpoints."""

from __future__ import annotations

from wtforms import BooleanField, Field, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import ValidationError
from wtforms.widgets import CheckboxInput

from app.models.webhooks import WebhookEndpoint
from app.services.api_keys.keys import OVERLAP_HOURS
from app.services.outbox import EVENT_TYPES
from app.services.webhooks.endpoints import ALL_EVENTS
from app.web.base_form import MomentField, RegularsForm
from app.web.choices import choice
from app.web.developers.forms import OVERLAPS


class EndpointForm(RegularsForm):
    """A webhook endpoint, new or known."""

    url = StringField(
        "Address",
        description="A whole https address on your server, for example https://shop.example.com/hooks.",
        render_kw={"autocomplete": "off", "inputmode": "url", "spellcheck": "false"},
    )
    reach = RadioField(
        "It is told of",
        choices=[choice("all", "everything"), choice("some", "only what you tick")],
        default="all",
    )
    enabled_events = SelectMultipleField(
        "Ticked", choices=[choice(each) for each in EVENT_TYPES], option_widget=CheckboxInput()
    )

    def validate_enabled_events(self, field: Field) -> None:
        """Refuse ticks beside “everything”, and “only what you tick” without any."""
        if field.data and self.reach.data == "all":
            raise ValidationError("You ticked some, but chose “everything”. Choose one of the two.")
        if not field.data and self.reach.data == "some":
            raise ValidationError("Tick at least one.")

    def events(self) -> list[str]:
        """Give the ticked types, or the word for all of them."""
        return [ALL_EVENTS] if self.reach.data == "all" else list(self.enabled_events.data or [])


def values_of(endpoint: WebhookEndpoint) -> dict[str, object]:
    """Give an endpoint as the form's fields take it."""
    is_all = endpoint.enabled_events == [ALL_EVENTS]
    return {
        "url": endpoint.url,
        "reach": "all" if is_all else "some",
        "enabled_events": [] if is_all else endpoint.enabled_events,
    }


class RotateForm(RegularsForm):
    """A new secret, and how long the old one signs beside it."""

    overlap_hours = SelectField(
        "The old secret ends",
        choices=[choice(str(hours), OVERLAPS[hours]) for hours in OVERLAP_HOURS],
        default="24",
    )


class ResendForm(RegularsForm):
    """Send a range of time again."""

    since = MomentField("From")
    until = MomentField("To")
    with_delivered = BooleanField("Send what had arrived once more, too")
