"""Forms of members: enrol and edit."""

from __future__ import annotations

from typing import Any

from wtforms import HiddenField, SelectField, StringField

from app.services.customers import Person
from app.web.base_form import EditForm


class PersonForm(EditForm):
    """A person's record."""

    name = StringField("Name", render_kw={"autocomplete": "off"})
    phone = StringField("Phone", render_kw={"autocomplete": "off", "inputmode": "tel"})
    email = StringField("Email", render_kw={"autocomplete": "off", "inputmode": "email"})
    card_number = StringField("Card number", render_kw={"autocomplete": "off"})

    def person(self) -> Person:
        """Give what was typed."""
        return Person(
            name=self.name.data or "",
            email=self.email.data or "",
            phone=self.phone.data or "",
            card_number=self.card_number.data or "",
        )

    def changes(self) -> dict[str, Any]:
        """Give what was changed of the record."""
        return {
            name: value for name, value in vars(self.person()).items() if self.has_changed(name)
        }

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed by which a person could be found again."""
        return not any(value.strip() for value in vars(self.person()).values())


class EnrolForm(PersonForm):
    """Enrol a member.

    `despite` is what the person saw of near duplicates and wants regardless; `back` says whether
    they come from the counter.
    """

    program_id = SelectField("Program", validate_choice=False)
    despite = HiddenField()
    back = HiddenField()
