"""Forms of members: enrol and edit."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from wtforms import Field, HiddenField, SelectField, StringField
from wtforms.validators import ValidationError

from app.models.members import Member
from app.services.members.customers import Person
from app.web.base_form import EditForm


class PersonForm(EditForm):
    """A person's record.

    `despite` is what was seen of near duplicates and is wanted regardless.
    """

    name = StringField("Name", render_kw={"autocomplete": "off"})
    phone = StringField("Phone", render_kw={"autocomplete": "off", "inputmode": "tel"})
    email = StringField("Email", render_kw={"autocomplete": "off", "inputmode": "email"})
    card_number = StringField("Card number", render_kw={"autocomplete": "off"})
    despite = HiddenField()

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

    def has_seen(self, alike: Sequence[Member]) -> bool:
        """Say whether these near duplicates were shown before; from now on they were."""
        seen = ",".join(sorted(member.id for member in alike))
        is_known = not alike or self.despite.data == seen
        self.despite.data = seen
        if not is_known:
            self.status = HTTPStatus.UNPROCESSABLE_ENTITY
        return is_known


class EnrolForm(PersonForm):
    """Enrol a member; `back` says whether who does it comes from the counter."""

    program_id = SelectField("Program", validate_choice=False)
    back = HiddenField()

    def validate_name(self, field: Field) -> None:  # noqa: ARG002 - as WTForms calls it
        """Refuse a person who could not be found again."""
        if not any(value.strip() for value in vars(self.person()).values()):
            raise ValidationError(
                "Enter a name, phone, email or card, so this member can be found."
            )
