"""Forms of the systems that tell of payments."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import RadioField, SelectField, StringField

from app.models.programs import Program
from app.services.api_keys.keys import OVERLAP_HOURS
from app.web.base_form import RegularsForm
from app.web.choices import choice
from app.web.developers.forms import OVERLAPS

KINDS = {"regulars": "Your own server", "stripe": "Stripe", "shopify": "Shopify"}

_OFF = {"autocomplete": "off"}
_SECRET = {"autocomplete": "off", "spellcheck": "false"}


class SourceForm(RegularsForm):
    """A system that tells of payments."""

    kind = RadioField(
        "Who tells", choices=[choice(*each) for each in KINDS.items()], default="regulars"
    )
    name = StringField(
        "What to call it",
        description="It stands in the ledger, for example Web shop.",
        render_kw={**_OFF, "maxlength": 80},
    )
    program_id = SelectField("Program", validate_choice=False)
    secret = StringField(
        "Its signing secret",
        description="Stripe and Shopify show theirs. Leave it empty for your own server.",
        render_kw=_SECRET,
    )

    def offer(self, programs: Sequence[Program]) -> None:
        """Give the choice of programs."""
        self.program_id.choices = [choice(each.id, each.name) for each in programs]


class RenameForm(RegularsForm):
    """Another name."""

    name = StringField("What to call it", render_kw={**_OFF, "maxlength": 80})


class ReplaceSecretForm(RegularsForm):
    """Another secret, and how long the old one is good beside it."""

    secret = StringField("The new signing secret", render_kw=_SECRET)
    overlap_hours = SelectField(
        "The old secret ends",
        choices=[choice(str(hours), OVERLAPS[hours]) for hours in OVERLAP_HOURS],
        default="24",
    )
