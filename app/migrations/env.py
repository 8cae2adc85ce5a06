"""Alembic's way in. The connection is passed by `app.cli.database`, so there is no alembic.ini."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from app.models import registry

connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)  # noqa: S101 - attributes are untyped

context.configure(
    connection=connection,
    target_metadata=registry.metadata,
    # SQLite changes a column by copying the table; PostgreSQL ignores the setting.
    render_as_batch=True,
    compare_type=True,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
