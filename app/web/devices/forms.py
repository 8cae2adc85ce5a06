"""Forms of tills."""

from __future__ import annotations

from wtforms import SelectField, StringField

from app.services.devices import IDLE_MINUTES
from app.web.base_form import RegularsForm, WholeNumberField


class TillForm(RegularsForm):
    """A till."""

    name = StringField(
        "Name of this till", description="For example “Till 1”.", render_kw={"autocomplete": "off"}
    )
    location_id = SelectField("Where it stands", validate_choice=False)
    idle_minutes = WholeNumberField(
        "Lock it after",
        example="5",
        unit="minutes",
        default=IDLE_MINUTES,
        render_kw={"autocomplete": "off", "inputmode": "numeric"},
    )
