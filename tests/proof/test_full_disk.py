"""A full disk is answered with 503, leaves nothing half done, and heals when there is room."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.db.database import Database
from app.http.failures import RETRY_SECONDS
from app.migrations.running import upgrade
from tests import factories
from tests.cast import Cast
from tests.proof import full_disk
from tests.proof.full_disk import Room, SmallDisk
from tests.proof.killing import Served
from tests.support.api import make_secret
from tests.support.databases import SqliteMaker
from tests.support.postgres import Server, connect

START_SECONDS = 30.0

AWARDS = 60
"""So many meet the end of the room that their tables still have."""

POSTGRESQL_BYTES = 32 << 20
"""An empty database of PostgreSQL takes twelve megabytes."""


@pytest.fixture(params=["small disk", "short files"])
def room(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Room]:
    """Give a place with little room, of either kind."""
    if request.param == "short files":
        monkeypatch.setenv("PATH", "")
    with full_disk.small_room(tmp_path / "small") as found:
        yield found


def test_a_full_disk_is_answered_with_503_and_heals(
    room: Room, sqlite_maker: SqliteMaker, tmp_path: Path
) -> None:
    shutil.copy(sqlite_maker.template, room.folder / "regulars.db")
    _fill_and_free(Database(f"sqlite:///{room.folder / 'regulars.db'}"), room, tmp_path)


def test_postgresql_on_a_full_disk_is_answered_with_503_and_heals(
    postgres_server: Server, tmp_path: Path
) -> None:
    # Its log stays where there is room: without any for that, PostgreSQL ends itself.
    with full_disk.small_room(postgres_server.folder / "small", POSTGRESQL_BYTES) as room:
        if not isinstance(room, SmallDisk):
            pytest.skip("only root may mount a small disk")
        owner = postgres_server.folder.stat()
        os.chown(room.folder, owner.st_uid, owner.st_gid)
        with connect(postgres_server.folder, autocommit=True) as administrator:
            administrator.execute(f"CREATE TABLESPACE small LOCATION '{room.folder}'")
            administrator.execute("CREATE DATABASE small TABLESPACE small TEMPLATE template0")
        database = Database(postgres_server.url("small"))
        try:
            upgrade(database.engine)
            _fill_and_free(database, room, tmp_path)
        finally:
            postgres_server.drop_database("small")
            with connect(postgres_server.folder, autocommit=True) as administrator:
                administrator.execute("DROP TABLESPACE small")


def _fill_and_free(database: Database, room: Room, tmp_path: Path) -> None:
    """Fill the disk under a server at work, and make room again."""
    cast = factories.make_cast(database)
    till = _Till(cast, tmp_path)
    try:
        member_id = factories.enrol(cast).id
        assert till.award(member_id, "before") == 201
        room.fill(till.server_id)

        refused = [till.award(member_id, f"full {number}") for number in range(AWARDS)]
        assert refused[-1] == 503
        assert till.retry_after == str(RETRY_SECONDS)
        awarded = 1 + refused.count(201)
        assert set(refused) <= {201, 503}
        assert till.balance(member_id) == awarded

        room.free(till.server_id)
        assert till.award(member_id, f"full {AWARDS - 1}") == 201
        assert till.award(member_id, f"full {AWARDS - 1}") == 201
        assert till.balance(member_id) == awarded + 1
    finally:
        till.close()
    assert factories.verify(cast).fault is None
    database.engine.dispose()


class _Till:
    """A server and one who asks it."""

    def __init__(self, cast: Cast, folder: Path) -> None:
        self._server = Served(cast.database.url, folder)
        self._secret = make_secret(cast)
        self._server.start()
        self.retry_after: str | None = None
        deadline = time.monotonic() + START_SECONDS
        while not self._is_up():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _is_up(self) -> bool:
        try:
            return self._ask("GET", "/healthz")[0] == 200
        except OSError:
            return False

    @property
    def server_id(self) -> int:
        """The id of the server's process."""
        return self._server.process_id

    def award(self, member_id: str, key: str) -> int:
        """Award a point under a key, and give the status."""
        body = {"accountId": member_id, "points": 1, "reason": "purchase"}
        return self._ask("POST", "/v1/loyalty/points/award", body, key)[0]

    def balance(self, member_id: str) -> int:
        """Read the balance."""
        status, answer = self._ask("GET", f"/v1/loyalty/accounts/{member_id}")
        assert status == 200
        return int(answer["balance"])

    def close(self) -> None:
        """Stop the server."""
        self._server.kill()

    def _ask(
        self, method: str, path: str, body: Any = None, key: str | None = None
    ) -> tuple[int, Any]:
        headers = {"X-Api-Key": self._secret, "Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        connection = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            self.retry_after = answer.headers["Retry-After"]
            text = answer.read()
            return answer.status, json.loads(text) if text.startswith(b"{") else None
        finally:
            connection.close()
