"""Distributing by workspace: what Citus is asked for, and every page and act on a real one.

The real one is named by CITUS_URL: the owner's address of an empty database that has Citus. Without
it, stand-ins for its two functions see that our own part is right: keys, triggers and grants.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from app.db.database import Database
from app.factory import create_app
from app.migrations.distributing import APPEND_ONLY, LOCAL, DistributionError, distribute
from app.migrations.running import differences, upgrade
from app.models import registry
from tests import factories
from tests.support.postgres import Server, connect
from tests.support.settings import make_settings
from tests.web.test_route_walk import LEAVING, ask, cells, make_things, sign_in, sign_in_of

CITUS_URL = os.environ.get("CITUS_URL", "")
ROLE = "regulars_processes"

STAND_INS = (
    "CREATE TABLE pg_dist_partition (logicalrelid regclass)",
    "CREATE TABLE asked (at serial, name text, by_column text)",
    """
    CREATE FUNCTION create_distributed_table(name text, by_column text) RETURNS void
    LANGUAGE sql AS $$ INSERT INTO asked (name, by_column) VALUES ($1, $2);
                       INSERT INTO pg_dist_partition VALUES ($1::regclass) $$
    """,
    """
    CREATE FUNCTION create_reference_table(name text) RETURNS void
    LANGUAGE sql AS $$ INSERT INTO asked (name) VALUES ($1);
                       INSERT INTO pg_dist_partition VALUES ($1::regclass) $$
    """,
)


@pytest.fixture
def owned(postgres_server: Server) -> Iterator[Database]:
    """Give a migrated database of PostgreSQL, and a role that owns nothing in it."""
    postgres_server.create_database("distributed")
    database = Database(postgres_server.url("distributed"))
    upgrade(database.engine)
    with database.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {ROLE} LOGIN"))
    yield database
    database.engine.dispose()
    postgres_server.drop_database("distributed")
    with connect(postgres_server.folder, autocommit=True) as administrator:
        administrator.execute(f"DROP ROLE {ROLE}")


def stand_in(database: Database) -> None:
    with database.engine.begin() as connection:
        for statement in STAND_INS:
            connection.execute(text(statement))


def asked(database: Database) -> dict[str, str | None]:
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT name, by_column FROM asked ORDER BY at")).all()
    assert len(rows) == len({row.name for row in rows})
    return {row.name: row.by_column for row in rows}


def test_every_table_is_on_one_machine_of_its_workspace_or_on_all(owned: Database) -> None:
    stand_in(owned)
    said = list(distribute(owned.engine, ROLE))

    found = asked(owned)
    everything = {table.name: table for table in registry.metadata.tables.values()}
    assert set(found) == set(everything) - LOCAL
    for name, by_column in found.items():
        assert by_column == ("workspace_id" if "workspace_id" in everything[name].c else None)
    assert "search_words: by workspace." in said
    with owned.engine.begin() as connection:
        for name in ("pg_dist_partition", "asked"):
            connection.execute(text(f"DROP TABLE {name}"))
    # The keys that were dropped are back as they were.
    assert differences(owned.engine) == []


def test_a_run_that_was_broken_off_is_run_again(owned: Database) -> None:
    stand_in(owned)
    broken_off = distribute(owned.engine, ROLE)
    for _ in range(12):
        next(broken_off)
    broken_off.close()
    some = len(asked(owned))

    list(distribute(owned.engine, ROLE))
    whole = len(asked(owned))
    said = list(distribute(owned.engine, ROLE))

    assert 0 < some < whole == len(registry.metadata.tables) - len(LOCAL)
    assert said[0].startswith("0 triggers dropped")
    assert "0 foreign keys added." in said


def test_the_processes_append_and_cannot_change_a_ledger(
    owned: Database, postgres_server: Server
) -> None:
    stand_in(owned)
    list(distribute(owned.engine, ROLE))
    address = make_url(postgres_server.url("distributed")).set(username=ROLE)
    database = Database(address.render_as_string(hide_password=False))
    cast = factories.make_cast(database)
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 100)
    factories.reverse(cast, entry, points=40)

    for table in APPEND_ONLY:
        for sql in (
            f"UPDATE {table} SET recorded_at = now()",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
        ):
            with (
                pytest.raises(DBAPIError, match="permission denied"),
                database.writing() as session,
            ):
                session.execute(text(sql))
    assert factories.verify(cast).fault is None
    database.engine.dispose()


def test_it_is_refused_where_it_cannot_hold(owned: Database) -> None:
    with pytest.raises(DistributionError, match="has no Citus"):
        list(distribute(owned.engine, ROLE))
    stand_in(owned)
    with pytest.raises(DistributionError, match="no role nobody_here"):
        list(distribute(owned.engine, "nobody_here"))
    with pytest.raises(DistributionError, match="owns the tables"):
        list(distribute(owned.engine, "postgres"))
    assert asked(owned) == {}


@pytest.mark.skipif(not CITUS_URL, reason="CITUS_URL names no Citus")
def test_every_page_and_act_runs_on_citus(tmp_path: Path) -> None:
    owner = Database(
        make_url(CITUS_URL).set(drivername="postgresql+psycopg").render_as_string(False)
    )
    upgrade(owner.engine)
    role, password = f"regulars_{secrets.token_hex(4)}", secrets.token_hex(16)
    with owner.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
    list(distribute(owner.engine, role))
    address = make_url(owner.url).set(username=role, password=password)
    database = Database(address.render_as_string(hide_password=False))
    cast = factories.make_cast(database)

    app = create_app(make_settings(database, tmp_path), database)

    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    for cell in cells(app):
        if cell.endpoint not in LEAVING:
            assert ask(visitor, app, cell, things).status < 500, cell

    assert factories.verify(cast).fault is None
    with owner.engine.connect() as connection:
        shards = connection.scalar(text("SELECT count(DISTINCT shardid) FROM pg_dist_shard"))
    assert shards > 1
    database.engine.dispose()
    owner.engine.dispose()
