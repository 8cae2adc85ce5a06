"""The short form of `make prove`: servers that are killed outright lose and repeat nothing."""

from __future__ import annotations

from pathlib import Path

from app.db.database import Database
from app.migrations.running import upgrade
from tests import factories
from tests.cast import Cast
from tests.proof import killing
from tests.support.postgres import start_server

AWARDS = 240
KILLS = 2
CLIENTS = 4
DURABLE = {"synchronous_commit": "on", "fsync": "on"}
"""Without the first, what was answered in the last half second is lost, and the test says so."""


def test_a_killed_server_loses_nothing_and_repeats_nothing(cast: Cast, tmp_path: Path) -> None:
    result = killing.run(cast, tmp_path, award_count=AWARDS, kill_count=KILLS, clients=CLIENTS)

    _check(result)


def test_a_killed_database_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    with start_server(settings=DURABLE) as server:
        server.create_database("killed")
        database = Database(server.url("killed"))
        upgrade(database.engine)
        cast = factories.make_cast(database)
        result = killing.run(
            cast,
            tmp_path,
            award_count=AWARDS,
            kill_count=KILLS,
            clients=CLIENTS,
            database_server=server,
        )
        database.engine.dispose()

    _check(result)


def _check(result: killing.Result) -> None:
    assert len(result.answers) == AWARDS
    assert result.replays == result.answers
    assert result.entry_count == AWARDS
    assert result.fault is None
    assert len(result.back_seconds) == KILLS
