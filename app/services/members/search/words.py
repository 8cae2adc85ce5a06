"""The words by which a customer is found; written in the act that writes the customer's record."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import and_, bindparam, delete, text
from sqlalchemy.orm import Session

from app.db import statements
from app.db.base import table_of
from app.db.bulk import insert_many
from app.models.members import Customer
from app.models.search import NameWord, SearchWord
from app.rules import searching

_words = table_of(SearchWord)
_names = table_of(NameWord)


def add(session: Session, customer: Customer) -> None:
    """Write the words of a customer who has none yet."""
    for row in rows_of(customer):
        names = (column.name for column in _words.c)
        statements.defer(session, _ADD_WORD(**dict(zip(names, row, strict=True))))
    _add_names(session, customer.workspace_id, searching.name_words(customer.name))


def replace(session: Session, customer: Customer, *, name: str, email: str) -> None:
    """Write the words of a changed record, given the name and email that it had."""
    line = searching.search_text(name=name, email=email)
    for word in searching.search_words(name=name, email=email):
        statements.defer(session, _DROP_WORD(**_key(customer), word=word, line=line))
    add(session, customer)


def rows_of(customer: Customer) -> list[tuple[str, ...]]:
    """Give the rows of a customer's words, in the order of the table's columns."""
    line = customer.search_text
    return [
        (customer.workspace_id, word, line, customer.id)
        for word in searching.search_words(name=customer.name, email=customer.email)
    ]


def add_many(
    session: Session, workspace_id: str, rows: Iterable[tuple[str, ...]], name_words: Iterable[str]
) -> None:
    """Write the words of many new customers, and those that their names have."""
    # In the order of the index, which so is written page by page.
    insert_many(session, _words, sorted(rows))
    _add_names(session, workspace_id, sorted(name_words))


def _add_names(session: Session, workspace_id: str, words: Iterable[str]) -> None:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for word in words:
        named = {"workspace_id": workspace_id, "word": word}
        if is_sqlite:
            statements.defer(session, _ADD_PIECES(**named))
        statements.defer(session, _ADD_NAME(**named))


def _key(customer: Customer) -> dict[str, str]:
    return {"workspace_id": customer.workspace_id, "customer_id": customer.id}


_ADD_WORD = statements.Statement(
    lambda dialect: statements.insert_for(dialect)(_words).on_conflict_do_nothing(),
    columns=[column.name for column in _words.c],
)
_ADD_NAME = statements.Statement(
    lambda dialect: statements.insert_for(dialect)(_names).on_conflict_do_nothing(),
    columns=[column.name for column in _names.c],
)
_ADD_PIECES = statements.Statement(
    # A trigger would do, but with trusted_schema off SQLite lets none write a full-text index.
    lambda _: text(
        "INSERT INTO name_words_inside (word, workspace_id) SELECT :word, :workspace_id "
        "WHERE NOT EXISTS (SELECT 1 FROM name_words "
        "WHERE workspace_id = :workspace_id AND word = :word)"
    )
)
_DROP_WORD = statements.Statement(
    lambda _: delete(_words).where(and_(*(c == bindparam(c.name) for c in _words.c)))
)
