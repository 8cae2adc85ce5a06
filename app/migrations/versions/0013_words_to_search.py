"""The words of names and emails by which members are found, made of the customers as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.rules import searching

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

READ_ROWS = 5_000
NUMBERS_AND_EMAILS = {"email_key": 254, "phone_digits": 40, "card_key": 64}


def upgrade() -> None:
    """Make the tables and the column, and work out what belongs in them."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    in_byte_order = "C" if is_postgresql else None
    op.create_table(
        "search_words",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("word", sa.String(collation=in_byte_order), nullable=False),
        sa.Column("line", sa.String(collation=in_byte_order), nullable=False),
        sa.Column("customer_id", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_search_words_workspace_id")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id", "customer_id"],
            ["customers.workspace_id", "customers.id"],
            name=op.f("fk_search_words_workspace_id_customers"),
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", "word", "line", "customer_id", name=op.f("pk_search_words")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "name_words",
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("word", sa.String(collation=in_byte_order), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f("fk_name_words_workspace_id")
        ),
        sa.PrimaryKeyConstraint("workspace_id", "word", name=op.f("pk_name_words")),
    )
    if is_postgresql:
        for name, length in NUMBERS_AND_EMAILS.items():
            op.alter_column("customers", name, type_=sa.String(length, collation="C"))
    else:
        # Finds the words that have some letters inside.
        op.execute(
            "CREATE VIRTUAL TABLE name_words_inside "
            "USING fts5(word, workspace_id UNINDEXED, tokenize = 'trigram')"
        )
    op.add_column(
        "customers",
        sa.Column(
            "phone_reversed",
            sa.String(40, collation=in_byte_order),
            nullable=False,
            server_default="",
        ),
    )
    _fill(op.get_bind())
    op.create_index(
        "ix_customers_phone_reversed", "customers", ["workspace_id", "phone_reversed"]
    )


def _fill(connection: sa.Connection) -> None:
    known: set[tuple[str, str]] = set()
    last = ("", "")
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT workspace_id, id, name, email, phone FROM customers "
                "WHERE (workspace_id, id) > (:workspace_id, :id) "
                "ORDER BY workspace_id, id LIMIT :most"
            ),
            {"workspace_id": last[0], "id": last[1], "most": READ_ROWS},
        ).all()
        if not rows:
            return
        last = (rows[-1].workspace_id, rows[-1].id)
        _fill_from(connection, rows, known)


def _fill_from(
    connection: sa.Connection, rows: Iterable[Any], known: set[tuple[str, str]]
) -> None:
    words, names, keys = [], [], []
    for workspace_id, customer_id, name, email, phone in rows:
        line = searching.search_text(name=name, email=email)
        keys.append(
            {
                "w": workspace_id,
                "c": customer_id,
                "line": line,
                "digits": searching.phone_digits(phone),
                "reversed": searching.phone_reversed(phone),
            }
        )
        words += [
            {"w": workspace_id, "word": word, "line": line, "c": customer_id}
            for word in searching.search_words(name=name, email=email)
        ]
        for word in searching.name_words(name):
            if (workspace_id, word) not in known:
                known.add((workspace_id, word))
                names.append({"w": workspace_id, "word": word})
    pieces = names if connection.dialect.name == "sqlite" else []
    for statement, values in (
        (
            "UPDATE customers SET search_text = :line, phone_digits = :digits, "
            "phone_reversed = :reversed WHERE workspace_id = :w AND id = :c",
            keys,
        ),
        (
            "INSERT INTO search_words (workspace_id, word, line, customer_id) "
            "VALUES (:w, :word, :line, :c)",
            words,
        ),
        ("INSERT INTO name_words (workspace_id, word) VALUES (:w, :word)", names),
        ("INSERT INTO name_words_inside (workspace_id, word) VALUES (:w, :word)", pieces),
    ):
        if values:
            connection.execute(sa.text(statement), values)
