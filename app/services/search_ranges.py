"""The ranges of indexes that a word of a search reads, and how those are walked in order.

A word that is typed is the beginning of something kept: of a word of the name, of the email, of the
card's number, or of the phone's, forwards or backwards. Each of those is one range of one index, so
the first page of any search costs the same however many match.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    literal_column,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models.members import Customer
from app.models.search import NameWord, SearchWord
from app.rules import searching
from app.rules.searching import Query, Record

LAST_CHARACTER = "\U0010ffff"

PIECE_LETTERS = 3
"""Fewer letters inside a word say nothing, and no trigram index knows of them."""

WORDS_MAX = 200
"""So many different words are looked at that have some letters inside."""

ALIKE_MAX = 5_000
"""So many words are judged by edit distance."""


@dataclass(frozen=True)
class Range:
    """What of one column begins with a text, or is the whole of it."""

    column: InstrumentedAttribute[str]
    start: str
    is_whole: bool = False

    @property
    def is_of_words(self) -> bool:
        """Whether it lies in the words of names and emails, or else in a customer's own columns."""
        return self.column is SearchWord.word

    @property
    def order(self) -> tuple[Any, ...]:
        """The columns in whose order it is walked: its index has them, and no two rows alike."""
        return (self.column, self.line, self.customer_id)

    @property
    def customer_id(self) -> Any:
        """The column that says whose it is."""
        return SearchWord.customer_id if self.is_of_words else Customer.id

    @property
    def line(self) -> Any:
        """The column with all words of the customer."""
        return SearchWord.line if self.is_of_words else Customer.search_text

    def within(self, workspace_id: str) -> ColumnElement[bool]:
        """Say what of a workspace lies in it."""
        table = SearchWord if self.is_of_words else Customer
        return and_(table.workspace_id == workspace_id, self.inside())

    def inside(self) -> ColumnElement[bool]:
        """Say that the column's text lies in it: by comparison, since SQLite's LIKE is no range."""
        if self.is_whole:
            return self.column == self.start
        return and_(self.column >= self.start, self.column < self.start + LAST_CHARACTER)

    def first_key(self, record: Record) -> str | None:
        """Give the first of a record's keys that lies in it, or None: one may have two there."""
        keys = {
            "word": [word for word in record.search_text.split() if word.find("@") < 1],
            "email_key": record.search_text.split()[-1:],
            "card_key": [record.card_key],
            "phone_digits": [record.phone_digits],
            "phone_reversed": [record.phone_digits[::-1]],
        }[self.column.key]
        return min((key for key in keys if self._has(key)), default=None)

    def _has(self, key: str) -> bool:
        return key == self.start if self.is_whole else key.startswith(self.start)


def ranges_of(query: Query, word: str) -> list[Range]:
    """Give the ranges in which a word of a search may be found."""
    if "@" in word:
        column = SearchWord.word if word.startswith("@") else Customer.email_key
        return [Range(column, word)]
    found = [Range(SearchWord.word, word)]
    if not word.isdigit():
        return [*found, Range(Customer.email_key, word)]
    if end := query.phone_end_of(word):
        found.append(phone_end(end))
    if phone := query.phone_of(word):
        found.append(Range(Customer.phone_digits, phone))
    return [*found, Range(Customer.card_key, word)]


def hold(ranges: Sequence[Range], record: Record) -> bool:
    """Say whether any of a record's keys lies in some ranges."""
    whole = {each.start for each in ranges if each.is_whole}
    return not whole.isdisjoint(record.search_text.split()) or any(
        each.first_key(record) is not None for each in ranges if not each.is_whole
    )


def phone_end(digits: str) -> Range:
    """Give the range of the phone numbers that end as a typed one does."""
    return Range(Customer.phone_reversed, searching.last_digits(digits)[::-1])


@dataclass(frozen=True)
class Others:
    """The words of a search that are looked for in a line, not by an index."""

    query: Query
    words: Sequence[str]

    @property
    def need_customer(self) -> bool:
        """Whether the customer's own columns have to be read: numbers are nowhere else."""
        return any(word.isdigit() for word in self.words)

    def clauses(self, line: Any) -> list[ColumnElement[bool]]:
        """Say that all these words are in a column of lines, or else among the numbers."""
        return [self._has(word, line) for word in self.words]

    def _has(self, word: str, line: Any) -> ColumnElement[bool]:
        sought = word if is_piece(word) else f" {word}"
        begins: ColumnElement[bool] = line.contains(sought, autoescape=True)
        if not word.isdigit():
            return begins
        numbers = (each for each in ranges_of(self.query, word) if not each.is_of_words)
        return or_(begins, *(each.inside() for each in numbers))


def is_piece(word: str) -> bool:
    """Say whether a word may be looked for inside others."""
    return len(word) >= PIECE_LETTERS and word.isalpha()


def of_word() -> ColumnElement[bool]:
    """Say which customer a search word is of."""
    return and_(
        Customer.workspace_id == SearchWord.workspace_id, Customer.id == SearchWord.customer_id
    )


def find_customers(
    session: Session, workspace_id: str, ranges: Sequence[Range], others: Others, most: int
) -> list[str] | None:
    """Give the ids of those in some ranges, or None when there are more than `most`."""
    return _found(
        session,
        [
            keys_of(workspace_id, each, others).order_by(*each.order).limit(most + 1)
            for each in ranges
        ],
        most,
    )


def find_first_customers(
    session: Session,
    workspace_id: str,
    ranges: Sequence[Range],
    others: Others,
    *,
    first: int,
    most: int,
) -> tuple[list[str] | None, bool]:
    """Do as `find_customers`, with a look at so many keys of each range, and say if that is all."""
    looked_at = [
        select(each.line.label("line"), each.customer_id.label("customer_id"))
        .where(each.within(workspace_id))
        .order_by(*each.order)
        for each in ranges
    ]
    keys = []
    for each in looked_at:
        part = each.limit(first).subquery()
        statement = select(part.c.customer_id)
        if others.need_customer:
            is_of_key = (Customer.workspace_id == workspace_id) & (
                Customer.id == part.c.customer_id
            )
            statement = statement.join(Customer, is_of_key)
        keys.append(statement.where(*others.clauses(part.c.line)).limit(most + 1))
    found = _found(session, keys, most)
    if found is None:
        return None, False
    beyond = [each.offset(first).limit(1) for each in looked_at]
    return found, not any(ids for ids in read_in_turn(session, beyond))


def _found(session: Session, keys: Sequence[Any], most: int) -> list[str] | None:
    found: dict[str, None] = {}
    for ids in read_in_turn(session, keys):
        found |= dict.fromkeys(ids)
        if len(found) > most or len(ids) > most:
            return None
    return list(found)


def read_in_turn(session: Session, keys: Sequence[Any]) -> Iterator[list[str]]:
    """Give what each of some statements finds, some of them at once: the first mostly suffice.

    Args:
        keys: statements with a column `customer_id`, and a limit.
    """
    for first in range(0, len(keys), AT_ONCE):
        parts = [each.subquery() for each in keys[first : first + AT_ONCE]]
        found: list[list[str]] = [[] for _ in parts]
        numbered = (
            select(literal_column(str(number)), part.c.customer_id)
            for number, part in enumerate(parts)
        )
        for number, customer_id in session.execute(union_all(*numbered)):
            found[number].append(customer_id)
        yield from found


AT_ONCE = 8


def keys_of(workspace_id: str, within: Range, others: Others) -> Any:
    """Say whose the keys in a range are, of those who have some other words too."""
    statement = select(within.customer_id.label("customer_id"))
    if within.is_of_words and others.need_customer:
        statement = statement.join(Customer, of_word())
    return statement.where(within.within(workspace_id), *others.clauses(within.line))


def find_inside(session: Session, workspace_id: str, piece: str) -> list[Range]:
    """Give where those are who have some letters inside a word of their name, not first in it."""
    if not is_piece(piece):
        return []
    words = find_words_with(session, workspace_id, piece)
    return whole_words([word for word in words if not word.startswith(piece)])


def whole_words(words: Sequence[str]) -> list[Range]:
    """Give where those are who have one of some words."""
    return [Range(SearchWord.word, word, is_whole=True) for word in words]


def find_words_with(
    session: Session, workspace_id: str, piece: str, most: int = WORDS_MAX
) -> Sequence[str]:
    """Give words of names that have some letters inside, in order.

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


def find_words_like(session: Session, workspace_id: str, word: str) -> Sequence[str]:
    """Give words of names that may be a mistyped one: of one beginning or of one end."""
    within = and_(NameWord.word >= word[:1], NameWord.word < word[:1] + LAST_CHARACTER)
    found = session.scalars(
        select(NameWord.word)
        .where(NameWord.workspace_id == workspace_id, within)
        .order_by(NameWord.word)
        .limit(ALIKE_MAX)
    ).all()
    if not is_piece(word):
        return found
    ends = find_words_with(session, workspace_id, word[-PIECE_LETTERS:], ALIKE_MAX)
    return [*dict.fromkeys([*found, *ends])]
