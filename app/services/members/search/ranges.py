"""Ranges of indexes: where a search finds the keys of a word.

A typed word begins a key: a word of the name, the email, the card number, or the phone number
forwards or backwards. All keys of one kind that it begins are one range of one index. An index has
the customer's line of words beside the key, so the other typed words are looked for without
reading the customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Select, literal_column, or_, select, text, true, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models.members import Customer, Member
from app.models.search import NameWord, SearchWord
from app.rules import searching
from app.rules.searching import Query, Record

LAST_CHARACTER = "\U0010ffff"

PIECE_LETTERS = 3
"""A trigram index finds no fewer letters inside a word."""

INSIDE_MAX = 200
"""The most different words that are read for some letters inside them."""

LOOK_FIRST = (8_000, 32_000)
"""The keys of each of several words that are read in the first and second round.

Whichever word then has no more keys, or more matches than are shown, answers the search. Counting
the keys to find the rarest word costs as much and finds no match.
"""

AT_ONCE = 8
"""The ranges that one statement reads: the first few mostly suffice."""

Clauses = Callable[[Any, Any], Sequence[ColumnElement[bool]]]
"""Gives conditions on a column with a line of words and a column with the customer's id."""


@dataclass(frozen=True)
class Range:
    """The keys of one column that begin with a text, or equal it."""

    column: InstrumentedAttribute[str]
    start: str
    is_whole: bool = False

    def inside(self) -> ColumnElement[bool]:
        """Return the condition on the column. It compares, since SQLite's LIKE uses no index."""
        if self.is_whole:
            return self.column == self.start
        return (self.column >= self.start) & (self.column < self.start + LAST_CHARACTER)

    def keys(self, workspace_id: str) -> Any:
        """Return the statement that reads the keys' lines and customers in the index's order."""
        of_words = self.column is SearchWord.word
        table: Any = SearchWord if of_words else Customer
        line: Any = SearchWord.line if of_words else Customer.search_text
        customer_id: Any = SearchWord.customer_id if of_words else Customer.id
        return (
            select(line.label("line"), customer_id.label("customer_id"))
            .where(table.workspace_id == workspace_id, self.inside())
            .order_by(self.column, line, customer_id)
        )


def beginnings(query: Query, word: str) -> list[Range]:
    """Return the ranges of what a word begins, and of the phone numbers that it ends."""
    words = [] if "@" in word[1:] else [Range(SearchWord.word, word)]
    emails = [] if word.isdigit() or word[:1] == "@" else [Range(Customer.email_key, word)]
    return [*words, *emails, *_numbers(query, word)]


def _numbers(query: Query, word: str) -> list[Range]:
    return [Range(getattr(Customer, name), key) for name, key in query.number_keys(word).items()]


def phone_end(digits: str) -> Range:
    """Return the range of the phone numbers that end as a typed one does."""
    return Range(Customer.phone_reversed, searching.phone_end_key(digits))


def whole_words(words: Sequence[str]) -> list[Range]:
    """Return the ranges of the customers who have one of some words."""
    return [Range(SearchWord.word, word, is_whole=True) for word in words]


def is_piece(word: str) -> bool:
    """Return whether a word may be looked for inside others."""
    return len(word) >= PIECE_LETTERS and word.isalpha()


@dataclass(frozen=True)
class Search:
    """The words of a search in a workspace, each with its ranges."""

    session: Session
    workspace_id: str
    query: Query

    @cached_property
    def ranges(self) -> Mapping[str, Sequence[Range]]:
        """What each word begins, and then the names that have it inside."""
        return {
            word: [*beginnings(self.query, word), *whole_words(self._words_around(word))]
            for word in self.query.words
        }

    def _words_around(self, word: str) -> list[str]:
        if not is_piece(word):
            return []
        found = find_words_with(self.session, self.workspace_id, word)
        return [each for each in found if not each.startswith(word)]

    def find(self, is_wanted: Callable[[Any], ColumnElement[bool]], most: int) -> list[str]:
        """Return the customers who have all words, at most `most` + 1.

        One word leads: its keys are read in their order, and the others are looked for beside them.

        Args:
            is_wanted: gives a condition on a customer's id, beside the words.
        """
        # A number leads, or else the longest word, unless another one answers the search sooner.
        leads = sorted(self.ranges, key=lambda word: (word.isdigit(), len(word)), reverse=True)
        for first in LOOK_FIRST if len(leads) > 1 else ():
            for lead in leads:
                found = self._look(lead, is_wanted, most, first)
                if len(found) > most or not self._has_more_keys(lead, first):
                    return found
        return self._look(leads[0], is_wanted, most) if leads else []

    def _look(
        self, lead: str, is_wanted: Callable[[Any], Any], most: int, first: int | None = None
    ) -> list[str]:
        def clauses(line: Any, customer_id: Any) -> list[ColumnElement[bool]]:
            others = [word for word in self.ranges if word != lead]
            return [*self._have(others, line, customer_id), is_wanted(customer_id)]

        return find_customers(
            self.session, self.workspace_id, self.ranges[lead], clauses, most=most, first=first
        )

    def _has_more_keys(self, lead: str, first: int) -> bool:
        beyond = (each.keys(self.workspace_id).offset(first).limit(1) for each in self.ranges[lead])
        return any(read_in_turn(self.session, [*beyond]))

    def find_among(self, few: Select[Any]) -> list[str]:
        """Return the customers of few members who have all words, in order of the name.

        Args:
            few: reads those members.
        """
        if not self.ranges:
            return []
        line, customer_id = Customer.search_text, Member.customer_id
        here = Customer.workspace_id == self.workspace_id
        has_all = self._have(self.ranges, line, customer_id)
        # A value: with EXISTS, PostgreSQL may begin with all customers.
        is_held = select(true()).where(here, Customer.id == customer_id, *has_all).scalar_subquery()
        ids = self.session.scalars(few.with_only_columns(customer_id).where(is_held)).all()
        if not ids:
            return []
        record = (line, Customer.phone_digits, Customer.phone_reversed, Customer.card_key)
        found = self.session.execute(select(Customer.id, *record).where(here, Customer.id.in_(ids)))
        return [
            each.id
            for each in sorted(found, key=attrgetter("search_text", "id"))
            if self._leads_to(each)
        ]

    def _leads_to(self, record: Record) -> bool:
        """Return whether any word is found by its ranges: an index finds no letters in an email."""
        words = {*record.search_text.split()}
        return any(searching.begins(self.query, word, record) for word in self.ranges) or any(
            each.is_whole and each.start in words
            for ranges in self.ranges.values()
            for each in ranges
        )

    def _have(self, words: Iterable[str], line: Any, customer_id: Any) -> list[ColumnElement[bool]]:
        """Return the conditions that words are in a line, or begin or end a customer's number."""
        return [self._has(word, line, customer_id) for word in words]

    def _has(self, word: str, line: Any, customer_id: Any) -> Any:
        in_line = line.contains(word if is_piece(word) else f" {word}", autoescape=True)
        if not word.isdigit():
            return in_line
        # A value: joined, PostgreSQL may read all customers and lose the order.
        in_numbers = (
            select(or_(*(each.inside() for each in _numbers(self.query, word))))
            .where(Customer.workspace_id == self.workspace_id, Customer.id == customer_id)
            .correlate_except(Customer)
            .scalar_subquery()
        )
        return or_(in_line, in_numbers)


def find_customers(
    session: Session,
    workspace_id: str,
    ranges: Sequence[Range],
    clauses: Clauses,
    *,
    most: int,
    first: int | None = None,
) -> list[str]:
    """Return the customers with a key in some ranges, at most `most` + 1, in the ranges' order.

    Args:
        first: the most keys of each range that are read, or None for all.
    """
    parts = [each.keys(workspace_id).limit(first).subquery().c for each in ranges]
    wanted = [
        select(part.customer_id).where(*clauses(part.line, part.customer_id)) for part in parts
    ]
    limit = most + 1
    while True:
        found: dict[str, None] = {}
        is_more = False
        for ids in read_in_turn(session, [each.limit(limit) for each in wanted]):
            found |= dict.fromkeys(ids)
            is_more = len(ids) == limit
            if is_more or len(found) > most:
                break
        if len(found) > most or not is_more:
            return [*found][: most + 1]
        # Some have several keys in a range.
        limit *= 4


def read_in_turn(session: Session, statements: Sequence[Any]) -> Iterator[list[str]]:
    """Yield what each of some statements finds, a few statements at a time.

    Args:
        statements: each has a column `customer_id` and a limit.
    """
    for first in range(0, len(statements), AT_ONCE):
        parts = [each.subquery() for each in statements[first : first + AT_ONCE]]
        found: list[list[str]] = [[] for _ in parts]
        numbered = (
            select(literal_column(str(number)), part.c.customer_id)
            for number, part in enumerate(parts)
        )
        for number, customer_id in session.execute(union_all(*numbered)):
            found[number].append(customer_id)
        yield from found


def find_words_with(
    session: Session, workspace_id: str, piece: str, most: int = INSIDE_MAX
) -> Sequence[str]:
    """Return words of names that have some letters inside, in order.

    Args:
        piece: at least `PIECE_LETTERS` folded letters.
    """
    if session.get_bind().dialect.name == "sqlite":
        return session.scalars(
            _WORDS_WITH, {"piece": f'"{piece}"', "workspace_id": workspace_id, "most": most}
        ).all()
    inside = NameWord.word.contains(piece, autoescape=True)
    statement = select(NameWord.word).where(NameWord.workspace_id == workspace_id, inside)
    return session.scalars(statement.order_by(NameWord.word).limit(most)).all()


_WORDS_WITH = text(
    "SELECT word FROM name_words_inside WHERE name_words_inside MATCH :piece "
    "AND workspace_id = :workspace_id ORDER BY word LIMIT :most"
)
