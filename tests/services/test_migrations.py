"""An installation's data comes through the migrations whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from app import clock, ids
from app.db.database import Database
from app.factory import create_app
from app.migrations.running import differences, upgrade
from app.services.staff import sign_ins
from tests import factories
from tests.support import recorded_shop
from tests.support.api import Program
from tests.support.postgres import Server
from tests.support.settings import make_settings

ROOT = Path(__file__).resolve().parents[2]

FIRST_ROWS = (
    "INSERT INTO merchants VALUES ('mer_1', 'Harbour', 'EUR', 'Europe/Dublin', :now)",
    "INSERT INTO staff VALUES ('stf_1', 'mer_1', 'o@example.com', 'o@example.com', 'Owner', "
    "'owner', 'active', 'none', :now)",
    "INSERT INTO staff_sessions VALUES (:token, 'stf_1', 'sandbox', NULL, :now, :then, NULL)",
)
"""Rows that refer to each other, as an installation of the first version has them."""


RELEASED = "0021"
"""The last revision of the release before this one."""


@pytest.fixture(params=["sqlite", "postgresql"])
def unmigrated(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_server: Server
) -> Iterator[Database]:
    """Give a database without a table."""
    postgres_server.create_database("unmigrated")
    urls = {
        "sqlite": f"sqlite:///{tmp_path / 'first.db'}",
        "postgresql": postgres_server.url("unmigrated"),
    }
    database = Database(urls[request.param])
    yield database
    database.engine.dispose()
    postgres_server.drop_database("unmigrated")


@pytest.fixture
def first_version(unmigrated: Database) -> Database:
    """Give a database of the first revision with a person who is signed in."""
    upgrade(unmigrated.engine, "0001")
    times = {"now": "2026-03-12 14:00:00+00:00", "then": "2099-03-12 14:00:00+00:00"}
    with unmigrated.engine.begin() as connection:
        for row in FIRST_ROWS:
            connection.execute(text(row), {**times, "token": ids.token_hash("token")})
    return unmigrated


def test_a_shop_of_the_last_release_comes_through_as_it_was(
    unmigrated: Database, tmp_path: Path
) -> None:
    engine = unmigrated.engine
    recorded = json.loads((Path(__file__).parent / f"shop_of_{RELEASED}.json").read_text("utf-8"))
    known = recorded["known"]
    upgrade(engine, RELEASED)
    recorded_shop.fill(engine, recorded["rows"])
    tables = recorded_shop.tables_of(engine)
    before = recorded_shop.rows_of(engine, tables)

    upgrade(engine)

    assert differences(engine) == []
    # A form that was sent before the upgrade fits any request (0022).
    (form,) = [row for row in before["idempotency_keys"] if row["scope"] == "form"]
    assert form["fingerprint"]
    form["fingerprint"] = ""
    assert recorded_shop.rows_of(engine, tables) == before
    reports = [factories.verify_workspace(unmigrated, each) for each in known["workspaces"]]
    assert [report.fault for report in reports] == [None, None]
    assert sum(report.entry_count for report in reports) == len(before["ledger_entries"])
    with clock.set_to(datetime.fromisoformat(known["answer"]["createdAt"])):
        _ask_again(unmigrated, tmp_path, known)


def _ask_again(database: Database, folder: Path, known: dict[str, Any]) -> None:
    """Find the kept answer, the sign-in and the balance of before, and go on."""
    api = Program(create_app(make_settings(database, folder), database), known["secret"])
    body = {"accountId": known["member"], **recorded_shop.AWARD}
    again = api.post("/loyalty/points/award", body, key=recorded_shop.KEY)
    assert (again.status, again.replayed) == (201, "true")
    assert again.body == known["answer"]
    with database.reading() as session:
        found = sign_ins.find_session(session, token=known["token"])
        assert found is not None
        assert found.staff.role == "manager"
    fresh = api.post("/loyalty/points/award", body)
    assert fresh.body["balanceAfter"] == again.body["balanceAfter"] + recorded_shop.AWARD["points"]
    assert factories.verify_workspace(database, known["workspaces"][0]).fault is None


def test_a_person_of_the_first_version_is_still_signed_in(first_version: Database) -> None:
    upgrade(first_version.engine)

    with first_version.reading() as session:
        found = sign_ins.find_session(session, token="token")
    assert found is not None
    assert (found.staff.name, found.staff.theme, found.staff.letter_keys) == (
        "Owner",
        "system",
        True,
    )


def test_processes_that_upgrade_at_once_wait_for_each_other(
    postgres_server: Server, tmp_path: Path
) -> None:
    name = "upgraded_at_once"
    postgres_server.create_database(name)
    # Processes, since Alembic knows one migration at a time in each of them.
    upgrading = [
        subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
            cwd=ROOT,
            env={"DATABASE_URL": postgres_server.url(name), "REGULARS_DATA": str(tmp_path)},
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60)[1] for process in upgrading]

    assert [process.returncode for process in upgrading] == [0, 0, 0, 0], said
    database = Database(postgres_server.url(name))
    assert differences(database.engine) == []
    database.engine.dispose()
    postgres_server.drop_database(name)


def test_an_upgrade_that_is_killed_at_a_step_leaves_the_old_schema(first_version: Database) -> None:
    with first_version.engine.connect() as connection:
        before = sorted(inspect(connection).get_table_names())
    first_version.engine.dispose()

    killed = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "tests.support.killed_upgrade", first_version.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    found = [json.loads(line) for line in killed.stdout.splitlines()]
    steps = len(list((ROOT / "app/migrations/versions").glob("0*.py"))) - 1
    assert [each["step"] for each in found] == list(range(steps))
    assert {each["revision"] for each in found} == {"0001"}
    assert all(each["tables"] == before for each in found)
    # The last of them was not killed, and got through.
    assert differences(first_version.engine) == []
    with first_version.reading() as session:
        assert sign_ins.find_session(session, token="token") is not None
