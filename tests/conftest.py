"""Fixtures that all tests share."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType

import pytest
from argon2 import PasswordHasher
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache

from app.db.database import Database
from app.services.staff import passwords
from tests.cast import Cast
from tests.support.databases import PostgresMaker, SqliteMaker
from tests.support.postgres import Server, start_server
from tests.support.shops import shop_in

pytest_plugins = ["tests.support.workspace_rule"]


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords in no time: at full cost they would take half of each test's set-up."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            passwords, "_HASHER", PasswordHasher(memory_cost=8, time_cost=1, parallelism=1)
        )
        yield


class _Compiled(BytecodeCache):
    """Keeps compiled templates: to compile them took most of the time of a test of a page."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load a template that has not changed since it was compiled."""
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template."""
        if bucket.code is not None:
            self._kept[bucket.key] = (bucket.checksum, bucket.code)


@pytest.fixture(scope="session", autouse=True)
def templates_compiled_once() -> Iterator[None]:
    """Let the apps of all tests share their compiled templates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": _Compiled()})
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
    return shop_in(database)
