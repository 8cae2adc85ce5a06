"""The base of every form: one-time key, workspace fence, kept input, clear errors."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from operator import attrgetter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import request
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from wtforms import Field, FieldList, FormField, HiddenField, StringField
from wtforms.validators import InputRequired, ValidationError

from app.errors import IdempotencyConflict, NotFound, RegularsError
from app.http import attempts, idempotent, pending_forms
from app.http.actors import is_signed_in, signed_in, workspace_id
from app.http.database import reading, writing
from app.http.messages import say
from app.http.statuses import status_of
from app.ids import new_token
from app.rules import money
from app.services import idempotency
from app.services.idempotency import First, IdempotencyKey
from app.services.results import Replayed, Result
from app.web import days

Made = TypeVar("Made")

SCOPE = "form"
"""The scope of the forms' one-time keys."""

_NOT_TYPED = {
    *("csrf_token", "once", "workspace", "despite"),
    *("approver_id", "approver_pin", "approver_passkey"),
}
"""Fields that may differ when the same form is sent again: keys, warnings seen, an approval."""

WHOLE_NUMBER_MAX = 10**12
"""Beyond any bound of the services, and well within the databases' 64 bits."""

_WHOLE = re.compile(r"[+-]?(\d+|\d{1,3}([ ,'’\u00a0\u202f]\d{3})+)", re.ASCII)
"""Digits, or groups of three as people part them."""

_WHOLE_OF_MONEY = (
    r"(?P<whole>\d{0,9}|\d{1,3}(?P<mark>[ ,.'’\u00a0\u202f])\d{3}(?:(?P=mark)\d{3}){0,2})"
)
_DECIMALS = r"(?:(?P<point>[.,])(?P<part>\d+))?"


class RegularsForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form that acts once.

    `once` is the one-time key: a double click, a resent form or Back carries the same one.
    `workspace` is where the form was opened: sent after a switch of modes in another tab, it is
    refused rather than let loose on the other world.

    Attributes:
        refusal: why the service refused the whole, as it is shown above the fields.
        status: the HTTP status of the page that shows the form. It is 200 until the form is found
            wrong or the service refuses it.
        was_unsent: the fields are what was typed before the sign-in had ended.
    """

    once = HiddenField()
    workspace = HiddenField()

    def __init__(self, **values: Any) -> None:
        typed = _take_unsent()
        self.was_unsent = typed is not None
        self.refusal: str | None = None
        self.status = HTTPStatus.OK
        if typed is not None:
            super().__init__(formdata=typed, **values)
        else:
            super().__init__(**values)
        # A form that is made to be shown is fresh, also in the answer to another form.
        is_fresh = not self.is_submitted() or values.get("formdata", ...) is None
        # What was sent once and had no answer may have counted: its key goes with it.
        if (is_fresh and typed is None) or not self.once.data:
            self.renew()
        if is_fresh and is_signed_in():
            self.workspace.data = workspace_id()
        if is_fresh and typed is None:
            self.open()

    def validate(self, extra_validators: Any = None) -> bool:
        """Judge the form; one whose token is not good is noted down."""
        is_good: bool = super().validate(extra_validators)
        self.status = HTTPStatus.OK if is_good else HTTPStatus.UNPROCESSABLE_ENTITY
        if getattr(self, "csrf_token", None) is not None and self.csrf_token.errors:
            attempts.note("form_token")
        return is_good

    def renew(self) -> None:
        """Give the form a key of its own, for an act that has not happened yet."""
        self.once.data = new_token()

    def open(self) -> None:
        """Do what is to be done before the form is shown for the first time."""

    def validate_workspace(self, field: Field) -> None:
        """Refuse a form that was opened in the other workspace."""
        if is_signed_in() and field.data != workspace_id():
            self.workspace.data = workspace_id()
            raise ValidationError(
                "You switched between Live and Test since this page was opened. Nothing was "
                "sent. Check where you are, then send it again."
            )

    @property
    def key(self) -> IdempotencyKey:
        """The one-time key, with the fingerprint of all that was typed."""
        typed = {name: values for name, values in request.form.lists() if name not in _NOT_TYPED}
        asked = idempotency.fingerprint(request.path, typed)
        return IdempotencyKey(SCOPE, str(self.once.data)[:255], asked)

    def submit(self, act: Callable[[Session], Made]) -> Result[Made] | None:
        """Run an act in a transaction, if the form is good.

        Returns:
            What the act made. None if the form or the service refused it; the form shows why.
        """
        return self.attempt(lambda: Result(_written(act))) if self.validate_on_submit() else None

    def submit_secret(
        self,
        act: Callable[[Session], Made | None],
        field: Field,
        message: str,
        *,
        attempt: str | None = None,
    ) -> Made | None:
        """Run an act as `submit` does that returns None or False for a wrong secret.

        It raises nothing then, so that the failure is committed.

        Args:
            field: where the secret was typed.
            message: what to show there if it is wrong.
            attempt: what to note in the log if it is wrong.
        """
        done = self.submit(act)
        if done is None or done.value:
            return done.value if done else None
        if attempt is not None:
            attempts.note(attempt)
        self.add_error(field, message)
        return None

    def submit_once(
        self,
        act: Callable[[Session], Made],
        again: Callable[[Session, str], Made],
        id_of: Callable[[Made], str] = attrgetter("id"),
        *,
        again_in: Callable[[], AbstractContextManager[Session]] = reading,
    ) -> Result[Made] | None:
        """Run an act once, however often the form is sent, if the form is good.

        Args:
            again: see `act_once`, as for `id_of` and `again_in`.

        Returns:
            What the act made. None if the form or the service refused it; the form shows why.
        """
        if not self.validate_on_submit():
            return None
        return self.attempt(lambda: act_once(self.key, act, again, id_of, again_in=again_in))

    def attempt(self, run: Callable[[], Made]) -> Made | None:
        """Run an act of a form that was found good; `run` opens its own transactions.

        Returns:
            What `run` returns, or None if the service refused it; the form shows why.
        """
        try:
            return run()
        except RegularsError as error:
            self.refuse(error)
            return None

    def was_used(self, session: Session) -> bool:
        """Return whether the form was sent before and counted."""
        try:
            first = idempotency.find_first(session, workspace_id=workspace_id(), key=self.key)
        except IdempotencyConflict:
            return True
        return first is not None

    def refuse(self, error: RegularsError) -> None:
        """Show a service's refusal at the field that is at fault, or above all of them.

        A refused act has not happened, so the next press is a new act with a key of its own.
        """
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", error.param or "").lower()
        field = self._fields.get(name)
        if field is None:
            self.refusal = error.message
        else:
            self.add_error(field, error.message)
        self.status = status_of(error)
        self.renew()

    def add_error(self, field: Field, message: str) -> None:
        """Show what is wrong with a field that was found good by itself."""
        field.errors = [*field.errors, message]
        self.status = HTTPStatus.UNPROCESSABLE_ENTITY

    @property
    def hidden_errors(self) -> list[str]:
        """List what is wrong with the form itself, in words for people."""
        found = [str(error) for error in self.workspace.errors]
        if getattr(self, "csrf_token", None) is not None and self.csrf_token.errors:
            found.append("This page was open too long. Nothing was sent. Check it and send again.")
        return found

    @property
    def visible_errors(self) -> list[tuple[Field, str]]:
        """List each visible field with its first error."""
        hidden = {"csrf_token", "once", "workspace", "shown"}
        return [
            (field, str(field.errors[0]))
            for name, field in self._fields.items()
            if field.errors and name not in hidden
        ]

    @property
    def problem(self) -> str:
        """Why nothing was done, for a page that does not show the form; "" if it was done."""
        refusal = [self.refusal] if self.refusal else []
        fields = [text for _, text in self.visible_errors]
        return next(iter([*self.hidden_errors, *refusal, *fields]), "")


def never_empty(message: str, **render_kw: str) -> dict[str, Any]:
    """Return the arguments of a field that is neither sent nor taken empty.

    Args:
        message: what to do, shown by the page without sending the form.
        render_kw: attributes of the field.
    """
    return {
        "validators": [InputRequired(message)],
        "render_kw": {"data-empty": message, **render_kw},
    }


def act_once(
    key: IdempotencyKey,
    act: Callable[[Session], Made],
    again: Callable[[Session, str], Made],
    id_of: Callable[[Made], str] = attrgetter("id"),
    *,
    again_in: Callable[[], AbstractContextManager[Session]] = reading,
) -> Result[Made]:
    """Run an act once under a key.

    Args:
        again: returns what was made when the key was used before, by its id.
        id_of: returns the id of what the act made.
        again_in: opens the transaction of `again`.

    Raises:
        RegularsError: as the service raises, or `IdempotencyConflict`.
    """
    made = idempotent.act_once(
        key, act, lambda made: (id_of(made), None), workspace_id=workspace_id()
    )
    if not isinstance(made, First):
        return Result(made)
    with again_in() as session:
        return Result(again(session, made.result_id), Replayed.KEY)


class ActForm(RegularsForm):
    """A form that is only a button."""

    def refuse(self, error: RegularsError) -> None:
        """Keep a refusal for `problem`.

        Raises:
            NotFound: what the button belongs to is gone, so there is no page to go back to.
        """
        if isinstance(error, NotFound):
            raise error
        super().refuse(error)


def press(act: Callable[[Session], Made]) -> Result[Made] | None:
    """Run the act of the button that was pressed, in a transaction.

    Returns:
        What the act made. None if it was refused; the next page says why.

    Raises:
        NotFound: as the service raises.
    """
    form = ActForm()
    done = form.submit(act)
    if done is None:
        say(form.problem)
    return done


def is_pressed() -> bool:
    """Return whether the button that was pressed counts; if not, the next page says why."""
    form = ActForm()
    if form.validate_on_submit():
        return True
    say(form.problem)
    return False


class LeaveForm(ActForm):
    """A button to go: whoever wants to be out is let out, wherever the page was opened."""

    def validate_workspace(self, field: Field) -> None:
        """Take it from either workspace."""


class EditForm(RegularsForm):
    """A form that changes what is there, and only that of it which was changed in the form.

    Others may have changed the rest since it was opened: the last piece may have been sold. And a
    field may show less than is kept: a day of a moment.

    `shown` is what the fields said when the form was opened, as JSON.
    """

    shown = HiddenField()

    def open(self) -> None:
        """Note what the fields say."""
        self.shown.data = json.dumps(self._texts(), separators=(",", ":"))

    def has_changed(self, *names: str) -> bool:
        """Say whether any of some fields, or of the rows of fields, says what it did not say."""
        known, now = self._known(), self._texts()
        return known is None or any(
            known.get(name) != now.get(name)
            for name in known.keys() | now.keys()
            if name.partition("-")[0] in names
        )

    def _known(self) -> dict[str, str] | None:
        try:
            known = json.loads(self.shown.data or "")
        except ValueError:
            return None
        return known if isinstance(known, dict) else None

    def _texts(self) -> dict[str, str]:
        return {
            field.name: _text_of(field)
            for field in _single_fields(self)
            if not isinstance(field, HiddenField) or "-" in field.name
        }


class WholeNumberField(StringField):
    """A whole number as people type it: `1,500`, `1 500`, `+50`, `−20`.

    `data` is the number or None; what was typed stays in `raw_data` and is shown again.
    """

    data: Any

    def __init__(
        self,
        label: str,
        *,
        example: str = "450",
        unit: str = "points",
        required: bool = True,
        **more: Any,
    ) -> None:
        super().__init__(label, **more)
        self._message = f"Whole {unit} only, for example {example}."
        self._required = required

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data:,}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed."""
        self.data = None
        typed = str(valuelist[0]).strip() if valuelist else ""
        if not typed:
            return
        typed = typed.replace("\u2212", "-")
        if not _WHOLE.fullmatch(typed):
            raise ValueError(self._message)
        plain = re.sub(r"[^\d+-]", "", typed)
        if len(plain) > len(str(WHOLE_NUMBER_MAX)):
            raise ValueError("This number is far too large. Check it and type it again.")
        self.data = int(plain)

    def pre_validate(self, form: object) -> None:  # noqa: ARG002 - as WTForms calls it
        """Refuse an empty field that is needed."""
        if self._required and self.data is None and not self.process_errors:
            raise ValidationError(self._message)


class MoneyField(StringField):
    """An amount of the merchant's currency as people type it; `data` is in minor units or None."""

    data: Any

    @property
    def _digits(self) -> int:
        return money.digits(signed_in().merchant.currency)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else self.written(self.data)

    def written(self, minor_units: int) -> str:
        """Write an amount as one would type it."""
        return f"{minor_units / 10**self._digits:.{self._digits}f}"

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed: `4.20`, `4,20`, `.50`, `1,234.50`, `1 234`."""
        self.data = None
        typed = str(valuelist[0] if valuelist else "")
        typed = "".join(sign for sign in typed if unicodedata.category(sign) != "Sc").strip()
        if not typed:
            return
        digits = self._digits
        found = re.fullmatch(_WHOLE_OF_MONEY + (_DECIMALS if digits else ""), typed, re.ASCII)
        known = found.groupdict() if found else {}
        part = known.get("part") or ""
        # One comma before three digits may part them or begin decimals: that is asked, not guessed.
        is_unclear = len(part) == 3 and known["point"] == "," and not known["mark"]  # noqa: PLR2004
        is_unclear |= bool(known.get("point")) and known["point"] == known["mark"]
        if not found or not (known["whole"] or part) or len(part) > digits or is_unclear:
            raise ValueError(f"Enter an amount, for example {self.written(5 * 10**digits)}.")
        whole = re.sub(r"\D", "", known["whole"]) or "0"
        self.data = int(whole) * 10**digits + int(part.ljust(digits, "0") or 0)


class DayField(StringField):
    """A day as `2026-04-01`; `data` is the moment it begins, or ends, in the merchant's zone."""

    data: Any

    def __init__(self, label: str, *, at_end: bool = False, **more: Any) -> None:
        super().__init__(label, **more)
        self._at_end = at_end
        self.zone = "UTC"

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        moment = self.data
        if self._at_end:
            # Where the clock goes forward at midnight, the day ends at one.
            moment = moment.astimezone(UTC) - timedelta(microseconds=1)
        return str(moment.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%d"))

    def process_formdata(self, valuelist: list[Any]) -> None:
        """Read what was typed."""
        self.data = None
        typed = str(valuelist[0]).strip() if valuelist else ""
        if not typed:
            return
        try:
            datetime.strptime(typed, "%Y-%m-%d")  # noqa: DTZ007 - only whether it is a day
        except ValueError:
            typed = ""
        self.data = days.start_of(typed, ZoneInfo(self.zone), days_later=int(self._at_end))
        if self.data is None:
            raise ValueError("Enter a day, for example 2026-04-01.")


class MomentField(StringField):
    """A day and time as `2026-04-01T14:08`, in the merchant's zone; `data` is the moment."""

    data: Any

    def __init__(self, label: str, **more: Any) -> None:
        super().__init__(label, render_kw={"type": "datetime-local"}, **more)
        self.zone = "UTC"

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        if self.data is None:
            return ""
        return str(self.data.astimezone(ZoneInfo(self.zone)).strftime("%Y-%m-%dT%H:%M"))

    def process_formdata(self, valuelist: list[Any]) -> None:  # noqa: ARG002 - as WTForms calls it
        """Leave what was typed for later: the zone is not known yet."""
        self.data = None

    def pre_validate(self, form: object) -> None:  # noqa: ARG002 - as WTForms calls it
        """Read what was typed in the merchant's zone."""
        typed = str(self.raw_data[0]).strip() if self.raw_data else ""
        try:
            naive = datetime.strptime(typed.replace(" ", "T"), "%Y-%m-%dT%H:%M")  # noqa: DTZ007 - the zone follows
            self.data = naive.replace(tzinfo=ZoneInfo(self.zone))
            self.data.astimezone(UTC)
        except (ValueError, OverflowError):
            self.data = None
            raise ValidationError("Enter a day and time, for example 2026-04-01 14:08.") from None


def _written(act: Callable[[Session], Made]) -> Made:
    with writing() as session:
        return act(session)


def _single_fields(fields: Iterable[Any]) -> Iterator[Field]:
    for field in fields:
        if isinstance(field, FieldList):
            yield from _single_fields(field.entries)
        elif isinstance(field, FormField):
            yield from _single_fields(field.form)
        else:
            yield field


def _text_of(field: Field) -> str:
    """Give what a field says, as it is shown and as it is sent."""
    # WTForms puts this into the page.
    read = getattr(field, "_value", None) if isinstance(field, StringField) else None
    text = read() if read else field.data
    # Browsers send lines with both signs.
    return "" if text is None else str(text).replace("\r\n", "\n")


def _take_unsent() -> MultiDict[str, str] | None:
    """Give what was typed into this page's form before the sign-in had ended, once."""
    kept = pending_forms.find() if request.method == "GET" else None
    if kept is None or kept.path != request.path:
        return None
    pending_forms.forget()
    return MultiDict(kept.fields)
