"""Customers whose record comes near to mistyped words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.models.search import NameWord
from app.rules import searching
from app.rules.searching import Query
from app.services.members.search import ranges as search_ranges
from app.services.members.search.ranges import LAST_CHARACTER, PIECE_LETTERS, is_piece

ALIKE_MAX = 5_000
"""Words that are judged by edit distance."""

CLOSE_WORDS_MAX = 8
"""Words like a typed one that are looked up."""

CANDIDATES_MAX = 100
"""Customers who are judged by edit distance."""


def find_customers(session: Session, workspace_id: str, query: Query) -> list[str]:
    """Return customers who may be meant by mistyped words, at most `CANDIDATES_MAX`."""
    phone = next(filter(query.is_phone_end, query.words), "")[-searching.NATIONAL_DIGITS :]
    alike = [
        # Beside a number, one or two letters are a beginning: a guess at them says nothing.
        [word] if phone and not is_piece(word) else _words_like(session, workspace_id, word)
        for word in query.words
        if not query.is_phone_end(word)
    ]
    if not query.words or not all(alike):
        return []
    if phone:
        ranges = [search_ranges.phone_end(each) for each in (phone, *searching.slips(phone))]
        ranges = [*dict.fromkeys(ranges)]
    else:
        # The longest word says most, so the others are looked for among those who have one like it.
        alike.sort(key=lambda words: len(words[0]))
        ranges = search_ranges.whole_words(alike.pop())

    def clauses(line: Any, _customer_id: Any) -> list[ColumnElement[bool]]:
        return [
            or_(*(line.contains(f" {word}", autoescape=True) for word in words)) for words in alike
        ]

    found = search_ranges.find_customers(
        session, workspace_id, ranges, clauses, most=CANDIDATES_MAX
    )
    return found[:CANDIDATES_MAX]


def _words_like(session: Session, workspace_id: str, word: str) -> list[str]:
    """Return words of names that are spelt like a typed one, the likest first."""
    known = _words_of_one_beginning(session, workspace_id, word[:1])
    if is_piece(word):
        end = word[-PIECE_LETTERS:]
        known = [*known, *search_ranges.find_words_with(session, workspace_id, end, ALIKE_MAX)]
    scored = [(-searching.likeness(word, each), each) for each in {*known}]
    near = sorted(each for each in scored if -each[0] >= searching.CLOSE_ENOUGH)
    return [each for _, each in near[:CLOSE_WORDS_MAX]]


def _words_of_one_beginning(session: Session, workspace_id: str, start: str) -> Sequence[str]:
    statement = (
        select(NameWord.word)
        .where(
            NameWord.workspace_id == workspace_id,
            NameWord.word >= start,
            NameWord.word < start + LAST_CHARACTER,
        )
        .order_by(NameWord.word)
        .limit(ALIKE_MAX)
    )
    return session.scalars(statement).all()
