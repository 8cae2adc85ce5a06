"""Forms of shops."""

from __future__ import annotations

from wtforms import StringField

from app.web.base_form import RegularsForm

_OFF = {"autocomplete": "off"}


class ShopForm(RegularsForm):
    """A shop."""

    name = StringField(
        "Name", description="As staff call it, for example “Quay Street”.", render_kw=_OFF
    )
