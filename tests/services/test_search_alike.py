"""One list of searches finds the same members in the same order on each database.

What is expected is worked out here from the rules alone: every record is looked at, by plain
comparison, and no index is asked.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.db.base import table_of
from app.db.bulk import insert_many
from app.db.database import Database
from app.models.members import Customer, Member
from app.rules import hashing, searching
from app.rules.searching import Query
from app.sandbox import seeding
from app.services import paging
from app.services.members import customers
from app.services.members.customers import Person
from app.services.members.search import matches, ranges
from app.services.members.search import words as search_words
from app.services.members.search.matches import KNOWN_MAX, MemberFilters, MemberPage
from tests import factories
from tests.cast import Cast
from tests.support.databases import Maker

pytestmark = pytest.mark.xdist_group("search_alike")
"""One process makes what its tests share."""

PEOPLE = 3_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
QUERIES = (Path(__file__).parent / "searches.txt").read_text("utf-8").splitlines()


@dataclass(frozen=True)
class Known:
    """A member as the expectation sees them."""

    id: str
    seen_at: datetime
    person: Person
    customer_id: str

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The words of the name and email, as they are walked."""
        return searching.search_words(name=self.person.name, email=self.person.email)

    @cached_property
    def line(self) -> str:
        """All words in one line."""
        return searching.search_text(name=self.person.name, email=self.person.email)

    @cached_property
    def email(self) -> str:
        """The folded email."""
        return searching.email_key(self.person.email)

    @cached_property
    def phone(self) -> str:
        """The digits of the phone."""
        return searching.phone_digits(self.person.phone)

    @cached_property
    def card(self) -> str:
        """The folded card number."""
        return searching.card_key(self.person.card_number)


def _people() -> list[Known]:
    dice = random.Random(26)  # noqa: S311 - the same people on each database
    order = list(range(PEOPLE))
    dice.shuffle(order)
    return [
        Known(
            id=f"loy_{number:06d}",
            seen_at=BEGAN + timedelta(minutes=order[number] // 2),
            person=seeding.make_person(dice, number + 1),
            customer_id=f"cust_{number:06d}",
        )
        for number in range(PEOPLE)
    ]


PERSONS = _people()


def _fill(cast: Cast, database: Database) -> None:
    written: dict[type[Any], list[list[Any]]] = {Customer: [], Member: []}
    words: list[tuple[str, ...]] = []
    names: set[str] = set()
    for known in PERSONS:
        customer = Customer(workspace_id=cast.workspace_id, id=known.customer_id, created_at=BEGAN)
        customers.fill(customer, known.person)
        customer.metadata_ = {}
        member = Member(
            workspace_id=cast.workspace_id,
            id=known.id,
            program_id=cast.program_id,
            customer_id=known.customer_id,
            status="active",
            balance=0,
            lifetime_points=0,
            qualifying_points=0,
            tier="silver" if int(known.id[4:]) % 3 else "gold",
            entry_count=0,
            head_hash=hashing.GENESIS,
            last_seen_at=known.seen_at,
            metadata_={},
            created_at=BEGAN,
        )
        for each in (customer, member):
            names_of = {
                c.name: a.key for a in type(each).__mapper__.column_attrs for c in a.columns
            }
            written[type(each)].append(
                [getattr(each, names_of[c.name]) for c in table_of(type(each)).c]
            )
        words += search_words.rows_of(customer)
        names.update(searching.name_words(known.person.name))
    with database.writing() as session:
        for model, rows in written.items():
            insert_many(session, table_of(model), rows)
        search_words.add_many(session, cast.workspace_id, words, names)
    with database.writing() as session:
        session.execute(text("ANALYZE"))


@contextmanager
def _filled(maker: Maker) -> Iterator[Cast]:
    with maker.new() as database:  # type: ignore[attr-defined]
        cast = factories.make_cast(database)
        _fill(cast, database)
        yield cast


@pytest.fixture(scope="module", params=["sqlite", "postgres", "postgres, no pg_trgm"])
def crowded(request: pytest.FixtureRequest) -> Iterator[Cast]:
    """Give a workspace with all the people."""
    kind = request.param.partition(",")[0]
    with _filled(request.getfixturevalue(f"{kind}_maker")) as cast:
        if request.param == "postgres":
            _skip_without_trigrams(cast)
        if request.param == "postgres, no pg_trgm":
            with cast.database.writing() as session:
                session.execute(text("DROP EXTENSION IF EXISTS pg_trgm CASCADE"))
        yield cast


def _skip_without_trigrams(cast: Cast) -> None:
    with cast.database.reading() as session:
        offered = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'"
        if not session.scalar(text(offered)):
            pytest.skip("this PostgreSQL has no pg_trgm")
        indexes = "SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_name_words_pieces'"
        assert session.scalar(text(indexes)) == 1


def test_the_list_has_two_hundred_searches_of_every_kind() -> None:
    found = {query: len(_expected(query, KNOWN_MAX)) for query in QUERIES}

    assert len(found) == len(QUERIES) == 200
    assert sum(count == 0 for count in found.values()) >= 20
    assert sum(0 < count <= KNOWN_MAX for count in found.values()) >= 100
    assert sum(count > KNOWN_MAX for count in found.values()) >= 15


@pytest.mark.parametrize("known_max", [KNOWN_MAX, 5])
def test_a_search_finds_whom_the_rules_say_in_their_order(
    crowded: Cast, known_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matches, "KNOWN_MAX", known_max)

    for query in QUERIES:
        expected = _expected(query, known_max)
        found = _find(crowded, query)
        assert [each.id for each in found.rows] == expected[:known_max], query
        assert found.is_cut == (len(expected) > known_max), query
        assert found.count == (None if found.is_cut else len(expected)), query
        assert found.cursor is None


def test_words_of_which_only_the_first_keys_are_looked_at_find_the_same(
    crowded: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "LOOK_FIRST", (8, 64))

    for query in QUERIES:
        expected = _expected(query, KNOWN_MAX)
        found = [each.id for each in _find(crowded, query).rows]
        if len(expected) > KNOWN_MAX:
            # They are listed by another word then, if another one is found to be rare first.
            assert len(found) == len({*found} & {*expected}) == KNOWN_MAX, query
        else:
            assert found == expected, query


def _find(crowded: Cast, query: str, filters: MemberFilters | None = None) -> MemberPage:
    with crowded.database.reading() as session:
        return matches.find_members(
            session, workspace_id=crowded.workspace_id, text=query, filters=filters
        )


def test_who_comes_near_is_the_same_everywhere(crowded: Cast) -> None:
    for typed in (each for each in QUERIES if not _expected(each, KNOWN_MAX)):
        with crowded.database.reading() as session:
            close = matches.find_close_members(
                session, workspace_id=crowded.workspace_id, text=typed
            )
        assert [each.id for each in close] == NEAR.setdefault(typed, [each.id for each in close])
    assert sum(bool(ids) for ids in NEAR.values()) >= 15


NEAR: dict[str, list[str]] = {}
"""Who came near on the first database that was asked."""


@pytest.mark.parametrize("typed", ["a", "ma", "mar", "7", "@example", "mary mu", "4471"])
def test_a_tier_narrows_many_in_the_same_order(
    crowded: Cast, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "FEW_MAX", 0)
    gold = _expected(typed, KNOWN_MAX, is_gold=True)

    found = _find(crowded, typed, MemberFilters(tier="gold"))

    assert [each.id for each in found.rows] == gold[:KNOWN_MAX]
    assert found.is_cut == (len(gold) > KNOWN_MAX)


def test_among_few_a_search_finds_the_same(crowded: Cast) -> None:
    lines = {each.id: (each.line, each.customer_id) for each in PERSONS}
    for query in QUERIES:
        gold = _expected(query, KNOWN_MAX, is_gold=True)
        found = _find(crowded, query, MemberFilters(tier="gold"))
        if len(gold) > KNOWN_MAX:
            # The words have no order among few, so these are in that of the whole name.
            gold.sort(key=lambda each: lines[each])
        assert [each.id for each in found.rows] == gold[:KNOWN_MAX], query
        assert found.count == (None if found.is_cut else len(gold)), query


# --- What the rules say ---------------------------------------------------------------------------


def _expected(text: str, known_max: int, *, is_gold: bool = False) -> list[str]:
    return [*_cached(text, known_max, is_gold)]


@cache
def _cached(text: str, known_max: int, is_gold: bool) -> list[str]:
    query = searching.parse(text)
    persons = [each for each in PERSONS if not is_gold or int(each.id[4:]) % 3 == 0]
    named = [each for each in persons if _is_named(query, each)]
    begins = {word: _beginnings(query, word) for word in query.words}
    keys = {word: _with_insides(word, found) for word, found in begins.items()}
    ids = {each.id for each in persons}
    found = [each for each in _meet(query, keys) if each[0].id in ids]
    if len(found) <= known_max:
        everyone = {each.id: each for each in [*named, *(known for known, _ in found)]}
        order = sorted(everyone.values(), key=lambda each: (each.seen_at, each.id), reverse=True)
        order.sort(key=lambda each: _rank(query, each, named, begins))
        return [each.id for each in order]
    named.sort(key=lambda each: (each.seen_at, each.id), reverse=True)
    walked = [each for each, _ in sorted(found, key=itemgetter(1)) if each not in named]
    return [each.id for each in [*named, *walked]]


Keys = dict[str, list[tuple[Any, ...]]]
"""Of each member who has any: where the keys are that match, in the order in which they lie."""


def _meet(query: Query, keys: Mapping[str, Keys]) -> list[tuple[Known, tuple[Any, ...]]]:
    """Give who has all words, with the place of each among those who have one of them.

    That is the longest number, or else the longest word.
    """
    if not keys:
        return []
    walked = max(keys, key=lambda word: (word.isdigit(), len(word)))
    others = [word for word in query.words if word != walked]
    return [
        (known, min(keys[walked][known.id]))
        for known in PERSONS
        if known.id in keys[walked]
        and all(
            known.id in keys[word] or (_is_piece(word) and word in known.line) for word in others
        )
    ]


def _beginnings(query: Query, word: str) -> Keys:
    found: Keys = {}
    for known in PERSONS:
        keys: list[tuple[Any, ...]] = [
            (0, each, known.line, known.customer_id)
            for each in known.words
            if each.startswith(word)
        ]
        phone, end = _phone(query, word), _end(word)
        for number, kept, start in (
            (1, known.email, word if not word.isdigit() else None),
            (2, known.phone[::-1], end[::-1]),
            (3, known.phone, phone),
            (4, known.card, word if word.isdigit() else None),
        ):
            if start and kept.startswith(start):
                keys.append((number, kept, known.line, known.customer_id))
        if keys:
            found[known.id] = keys
    return found


def _with_insides(piece: str, begins: Keys) -> Keys:
    """Add the keys that have a piece inside, after those that begin with it."""
    if not _is_piece(piece):
        return begins
    names = {word for known in PERSONS for word in searching.name_words(known.person.name)}
    found = dict(begins)
    for known in PERSONS:
        inside = [
            (INSIDE, word, known.line, known.customer_id)
            for word in known.words
            if word in names and piece in word and not word.startswith(piece)
        ]
        if inside:
            found[known.id] = [*begins.get(known.id, []), *inside]
    return found


INSIDE = 5
"""After the numbers of what words begin."""


def _end(word: str) -> str:
    return word[-7:] if word.isdigit() and len(word) >= 4 else ""


def _phone(query: Query, word: str) -> str:
    digits = query.phone or (word.lstrip("0") if word.isdigit() else "")
    return digits if len(digits) >= 4 else ""


def _is_piece(word: str) -> bool:
    return len(word) >= 3 and word.isalpha()


def _is_named(query: Query, known: Known) -> bool:
    exact = {known.id, known.customer_id}
    return (
        query.text in exact
        or (bool(known.email) and known.email == searching.email_key(query.text))
        or (bool(known.card) and known.card == searching.card_key(query.text))
    )


def _rank(query: Query, known: Known, named: Sequence[Known], begins: Mapping[str, Keys]) -> int:
    if known in named or (query.phone and known.phone == query.phone):
        return 0
    ends = filter(None, map(_end, query.words))
    if any(known.phone.endswith(end) for end in ends):
        return 1
    return 2 if all(known.id in begins[word] for word in query.words) else 3
