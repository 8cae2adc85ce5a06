"""What a search of members reads: the words of names and emails, and each word once.

The words are kept in the order in which they are listed, so that the first matches are read from
one place of an index, however many match. Numbers have indexes of their own, at `customers`.
"""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.models.columns import CALLER_ID_CHARACTERS, in_byte_order


class SearchWord(Base):
    """One word of a customer, with the whole line of words that it comes from."""

    __tablename__ = "search_words"
    __table_args__ = (
        ForeignKeyConstraint(
            ["workspace_id", "customer_id"], ["customers.workspace_id", "customers.id"]
        ),
        {"sqlite_with_rowid": False},
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    word: Mapped[str] = mapped_column(in_byte_order(), primary_key=True)
    line: Mapped[str] = mapped_column(in_byte_order(), primary_key=True)
    customer_id: Mapped[str] = mapped_column(String(CALLER_ID_CHARACTERS), primary_key=True)


class NameWord(Base):
    """A word that somebody's name has or had: who mistypes one is led to those like it.

    It stays when the last name with it is gone, and says nothing about whose it was.
    """

    __tablename__ = "name_words"

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    word: Mapped[str] = mapped_column(in_byte_order(), primary_key=True)
