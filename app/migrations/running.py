"""Running migrations from the product: no alembic.ini, no second way to find the database."""

from __future__ import annotations

from pathlib import Path

from alembic import autogenerate, command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from app.models import registry

_TRIGRAMS = "ix_name_words_pieces"
_OF_ONE_DATABASE = (_TRIGRAMS, "name_words_inside")
"""Begin the names of what one database only has, and no model tells of."""

_LOCK = 7364827
"""Any number that nobody else uses in this database."""

_FOLDER = Path(__file__).resolve().parent


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the database to a revision; a database that is there already is left alone."""
    with engine.begin() as connection:
        _wait_for_others(connection)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    if revision == "head" and engine.dialect.name == "postgresql":
        _index_pieces_of_words(engine)


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time migrate a database of PostgreSQL; the others find it done."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


def _index_pieces_of_words(engine: Engine) -> None:
    """Let PostgreSQL find words by what is inside them, if pg_trgm can be had; else it reads all.

    Asked with every upgrade, since a server may come by the extension later.
    """
    with engine.begin() as connection:
        _wait_for_others(connection)
        if not _has_trigrams(connection):
            return
        connection.execute(
            text(
                f"CREATE INDEX IF NOT EXISTS {_TRIGRAMS} ON name_words "
                "USING gin (word gin_trgm_ops)"
            )
        )


def _has_trigrams(connection: Connection) -> bool:
    offered = connection.scalar(
        text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm'")
    )
    if not offered:
        return False
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_trgm"))
    except DBAPIError:
        # Not every user may add one, and a search does without.
        return False
    return True


def differences(engine: Engine) -> list[str]:
    """Say where the migrated database and the models disagree; empty when they agree."""
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, _kind, _parents: (
                    not (name or "").startswith(_OF_ONE_DATABASE)
                ),
            },
        )
        return [str(each) for each in autogenerate.compare_metadata(context, registry.metadata)]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config
