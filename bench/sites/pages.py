"""The pages that Regulars and the admin sites have in common, and what they should hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select

from app.db.database import Database
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.redemptions import Redemption
from app.rules import searching
from app.services.members.search import matches
from app.services.paging import PAGE_ROWS

DEEP_PAGE = 100

SAMPLE = 2_000
"""So many members are looked at; a quarter of them can be found by everything."""


@dataclass(frozen=True)
class Page:
    """One page of all products.

    Attributes:
        paths: its address in a turn, for each kind of product.
        is_right: whether the text of the page is what it should be in a turn.
        is_compared: whether the pages of all products show the same.
    """

    name: str
    paths: Mapping[str, Callable[[int], str]]
    is_right: Callable[[int, str], bool]
    is_compared: bool = True


@dataclass(frozen=True)
class Person:
    """A member, as the searches know it."""

    id: str
    name: str
    email: str
    phone: str
    card_number: str

    @property
    def has_everything(self) -> bool:
        """Say whether all products find the person by each part of the record."""
        # SQLite folds ASCII letters only, so that another spelling of é is found by ours alone.
        names = self.name.split()
        is_plain = len(names) > 1 and all(each.isascii() and each.isalpha() for each in names)
        return is_plain and bool(self.email and self.phone and self.card_number)

    def fits(self, typed: str) -> bool:
        """Say whether each typed word is somewhere in the record, or its digits are the phone."""
        words = searching.search_text(name=self.name, email=self.email)
        record = searching.fold(f"{words} {self.name} {self.phone} {self.card_number}")
        if all(word in record for word in typed.lower().split()):
            return True
        # Ours meets other spellings of a country's code by a number's last seven digits.
        end = searching.national_part(typed)
        return bool(end) and searching.phone_digits(self.phone).endswith(end)


class Shop:
    """The workspace that is looked at, and what its pages should hold."""

    def __init__(self, database: Database, workspace_id: str) -> None:
        self.database, self.workspace_id = database, workspace_id
        self.member_count = 0
        self._people = self._sample()
        self._newest_codes = self._list_codes()

    def pages(self) -> list[Page]:
        """List the pages that all products have."""
        return [
            self._list("members", 1),
            self._list(f"members, page {DEEP_PAGE}", DEEP_PAGE),
            self._search("search, a name's beginning", lambda person: person.name[:3]),
            self._search("search, full name", lambda person: person.name),
            self._search("search, phone", lambda person: person.phone),
            self._search("search, email", lambda person: person.email),
            self._search("search, card", lambda person: person.card_number),
            self._search_nobody(),
            self._member(),
            # A database that was given may have none.
            *([self._redemptions(), self._redemption_by_code()] if self._newest_codes else []),
            self._activity(),
        ]

    def _person(self, turn: int) -> Person:
        return self._people[turn % len(self._people)]

    def _list(self, name: str, number: int) -> Page:
        """Give a page of the list, which Regulars reaches by a cursor and the others by number."""
        before = (number - 1) * PAGE_ROWS
        ids = self._list_ids(before)
        after = {"after": self._cursor(before)} if before else {}
        return Page(
            name,
            {
                "regulars": lambda _turn: f"/members?{urlencode(after)}",
                "flask": lambda _turn: f"/admin/member/?page={number - 1}",
                "django": lambda _turn: f"/admin/django_shop/member/?p={number}",
            },
            lambda _turn, body: _member_ids(body) == ids,
        )

    def _search(self, name: str, typed: Callable[[Person], str]) -> Page:
        return Page(
            name,
            _search_paths(lambda turn: typed(self._person(turn))),
            lambda turn, body: self._all_fit(body, typed(self._person(turn))),
        )

    def _search_nobody(self) -> Page:
        return Page(
            "search, nobody",
            _search_paths(lambda turn: f"zzqx{turn}"),
            lambda turn, body: not _member_ids(body) and f"zzqx{turn}" in body,
        )

    def _member(self) -> Page:
        def django_id(turn: int) -> str:
            return self._person(turn).id.replace("_", "_5F")

        return Page(
            "one member",
            {
                "regulars": lambda turn: f"/members/{self._person(turn).id}",
                "flask": lambda turn: (
                    f"/admin/member/details/?id={self.workspace_id},{self._person(turn).id}"
                ),
                "django": lambda turn: f"/admin/django_shop/member/{django_id(turn)}/change/",
            },
            lambda turn, body: self._person(turn).name in body,
            is_compared=False,
        )

    def _redemptions(self) -> Page:
        return Page(
            "redemptions",
            {
                "regulars": lambda _turn: "/redemptions",
                "flask": lambda _turn: "/admin/redemption/",
                "django": lambda _turn: "/admin/django_shop/redemption/",
            },
            lambda _turn, body: self._shown_codes(body) == set(self._newest_codes),
        )

    def _redemption_by_code(self) -> Page:
        def code(turn: int) -> str:
            return self._newest_codes[turn % len(self._newest_codes)]

        return Page(
            "redemption by code",
            {
                "regulars": lambda turn: f"/redemptions?q={code(turn)}",
                "flask": lambda turn: f"/admin/redemption/?search={code(turn)}",
                "django": lambda turn: f"/admin/django_shop/redemption/?q={code(turn)}",
            },
            lambda turn, body: self._shown_codes(body) == {code(turn)},
        )

    def _activity(self) -> Page:
        name = self._newest_name()
        return Page(
            "newest ledger entries",
            {
                "regulars": lambda _turn: "/activity",
                "flask": lambda _turn: "/admin/ledgerentry/",
                "django": lambda _turn: "/admin/django_shop/ledgerentry/",
            },
            lambda _turn, body: name in body,
        )

    def _shown_codes(self, body: str) -> set[str]:
        plain = body.replace("-", "")
        return {code for code in self._newest_codes if code in plain}

    def _all_fit(self, body: str, typed: str) -> bool:
        found = _member_ids(body)
        people = self._read(Member.id.in_(found))
        return bool(people) and len(people) == len(found) and all(p.fits(typed) for p in people)

    def _sample(self) -> list[Person]:
        """Give people from all over the workspace who can be found by everything."""
        with self.database.reading() as session:
            ids = session.scalars(
                select(Member.id).where(Member.workspace_id == self.workspace_id)
            ).all()
        self.member_count = len(ids)
        some = ids[:: max(1, len(ids) // SAMPLE)]
        return [person for person in self._read(Member.id.in_(some)) if person.has_everything]

    def _read(self, clause: Any) -> list[Person]:
        rows = select(
            *(Member.id, Customer.name, Customer.email, Customer.phone, Customer.card_number)
        )
        with self.database.reading() as session:
            found = session.execute(
                rows.join(Member.customer).where(Member.workspace_id == self.workspace_id, clause)
            )
            return [Person(*row) for row in found]

    def _list_ids(self, before: int) -> set[str]:
        with self.database.reading() as session:
            found = session.scalars(
                select(Member.id)
                .where(Member.workspace_id == self.workspace_id)
                .order_by(Member.last_seen_at.desc(), Member.id.desc())
                .offset(before)
                .limit(PAGE_ROWS)
            )
            return set(found)

    def _cursor(self, before: int) -> str:
        with self.database.reading() as session:
            found = matches.find_members(session, workspace_id=self.workspace_id, limit=before)
            return found.cursor or ""

    def _list_codes(self) -> Sequence[str]:
        with self.database.reading() as session:
            return session.scalars(
                select(Redemption.code)
                .where(Redemption.workspace_id == self.workspace_id)
                .order_by(Redemption.id.desc())
                .limit(PAGE_ROWS)
            ).all()

    def _newest_name(self) -> str:
        with self.database.reading() as session:
            found = session.scalars(
                select(Customer.name)
                .join(Member, Member.customer_id == Customer.id)
                .join(LedgerEntry, LedgerEntry.member_id == Member.id)
                .where(
                    *(each.workspace_id == self.workspace_id for each in (Customer, Member)),
                    LedgerEntry.workspace_id == self.workspace_id,
                )
                .order_by(LedgerEntry.recorded_at.desc(), LedgerEntry.id.desc())
                .limit(1)
            )
            return found.one()


def _search_paths(typed: Callable[[int], str]) -> Mapping[str, Callable[[int], str]]:
    return {
        "regulars": lambda turn: f"/members?{urlencode({'q': typed(turn)})}",
        "flask": lambda turn: f"/admin/member/?{urlencode({'search': typed(turn)})}",
        "django": lambda turn: f"/admin/django_shop/member/?{urlencode({'q': typed(turn)})}",
    }


_MEMBER_ID = re.compile(r"\bloy_(?:5F)?([0-9a-z]{26})\b", re.ASCII)
"""In addresses Django writes `_` as `_5F`."""


def _member_ids(body: str) -> set[str]:
    return {f"loy_{part}" for part in _MEMBER_ID.findall(body)}
