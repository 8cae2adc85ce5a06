"""Changing the database behind the services' back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.db.database import Database


def run_sql(database: Database, *statements: str, **values: Any) -> None:
    """Run plain SQL in one transaction; each statement takes those of the values that it names."""
    with database.engine.begin() as connection:
        for statement in statements:
            clause = text(statement)
            names = clause.compile().params
            connection.execute(clause, {name: values[name] for name in names})


def drop_triggers(database: Database) -> None:
    """Take away what makes the ledger append-only."""
    names = ["refuse_update", "refuse_delete", "refuse_replace"]
    suffix = ""
    if not database.is_sqlite:
        names, suffix = ["refuse_change", "refuse_truncate"], " ON ledger_entries"
    run_sql(database, *(f"DROP TRIGGER ledger_entries_{name}{suffix}" for name in names))
