"""Column types and kinds of index that several tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB

JsonObject = dict[str, Any]
"""A JSON object as Python sees it."""

ID_CHARACTERS = 64
"""Our own ids take at most 31 characters; the rest is room for longer prefixes."""

CALLER_ID_CHARACTERS = 255
"""An id that the caller brings is kept as it is (spec section 1)."""

TEXT_CHARACTERS = 500
"""The longest reason, note and metadata value."""


def json_column_type() -> JSON:
    """Give the JSON type of both databases; None is stored as SQL NULL."""
    return JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def in_byte_order(length: int | None = None) -> String:
    """Give a text column that both databases sort alike, and whose index finds beginnings."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Give an index, on both databases, of the rows of a workspace that meet a condition."""
    condition = text(where)
    return Index(name, "workspace_id", *columns, sqlite_where=condition, postgresql_where=condition)
