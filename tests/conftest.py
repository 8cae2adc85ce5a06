"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from app.db.database import Database
from app.services.staff import passwords
from tests import factories
from tests.cast import Cast
from tests.support.databases import PostgresMaker, SqliteMaker
from tests.support.postgres import Server, start_server

pytest_plugins = ["tests.support.workspace_rule"]


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords in no time: at full cost they would take half of each test's set-up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "_HASHER", PasswordHasher(memory_cost=8, time_cost=1, parallelism=1)
        )
        yield


@pytest.fixture(scope="session")
def sqlite_maker(tmp_path_factory: pytest.TempPathFactory) -> SqliteMaker:
    """Make SQLite databases."""
    return SqliteMaker(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Give a private PostgreSQL server."""
    with start_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_maker(postgres_server: Server) -> PostgresMaker:
    """Make PostgreSQL databases on the private server."""
    return PostgresMaker(postgres_server)


@pytest.fixture
def sqlite(sqlite_maker: SqliteMaker) -> Iterator[Database]:
    """Give an empty SQLite database."""
    with sqlite_maker.new() as database:
        yield database


@pytest.fixture
def postgres(postgres_maker: PostgresMaker) -> Iterator[Database]:
    """Give an empty PostgreSQL database."""
    with postgres_maker.new() as database:
        yield database


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Give an empty database of each kind in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Database)
    return found


@pytest.fixture
def cast(database: Database) -> Cast:
    """Give the shop that most tests play in, on each kind of database in turn."""
    return factories.make_cast(database)
