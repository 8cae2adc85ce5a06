"""bench.workspaces fills a workspace of any size, whose ledger fits, and can be interrupted."""

from __future__ import annotations

import re
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import inspect, text

from app.db.base import table_of
from app.db.database import Database
from app.models.ledger import LedgerEntry
from app.services import reports
from app.services.members.search import matches
from bench import bulk, lives, workspaces
from bench.lives import Batch, Rows
from tests import factories
from tests.cast import Cast

MEMBERS, ENTRIES = 1_500, 4_000
"""Two batches, the second one not full."""


def filled(cast: Cast, capsys: pytest.CaptureFixture[str]) -> str:
    """Fill a workspace beside the cast's, and return what is printed."""
    workspaces.run(cast.database, MEMBERS, ENTRIES, "Harbour at size")
    return capsys.readouterr().out


def _workspace(output: str) -> str:
    found = re.search(r"(ws_[0-9a-z]+) is ready", output)
    assert found, output
    return found.group(1)


def _counts(database: Database, workspace_id: str) -> list[int]:
    with database.reading() as session:
        return [
            session.execute(
                text(f"SELECT count(*) FROM {table} WHERE workspace_id = :id"),
                {"id": workspace_id},
            ).scalar_one()
            for table in ("members", "customers", "ledger_entries")
        ]


def test_the_size_is_exact_and_the_ledger_fits(
    cast: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    guards = _triggers(cast.database)
    output = filled(cast, capsys)

    assert _triggers(cast.database) == guards
    assert "Sign in with owner-" in output
    workspace_id = _workspace(output)
    assert _counts(cast.database, workspace_id) == [MEMBERS, MEMBERS, ENTRIES]
    report = factories.verify_workspace(cast.database, workspace_id)
    assert (report.fault, report.entry_count) == (None, ENTRIES)
    with cast.database.reading() as session:
        overview = reports.get_overview(
            session, workspace_id=workspace_id, time_zone="Europe/Dublin"
        )
        found = matches.find_members(session, workspace_id=workspace_id, text="müller")
    assert overview.member_count == MEMBERS
    assert overview.outstanding > 0
    assert found.rows


def test_what_was_interrupted_goes_on(
    cast: Cast, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCHES_AT_ONCE", 1)
    write = bulk.write

    def write_once(*args: Any, **named: Any) -> None:
        write(*args, **named)
        monkeypatch.setattr(bulk, "write", interrupt)

    def interrupt(*_args: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk, "write", write_once)
    with pytest.raises(KeyboardInterrupt):
        filled(cast, capsys)
    monkeypatch.setattr(bulk, "write", write)

    output = filled(cast, capsys)

    assert "1,000 members are there already; going on." in output
    workspace_id = _workspace(output)
    assert _counts(cast.database, workspace_id) == [MEMBERS, MEMBERS, ENTRIES]
    assert factories.verify_workspace(cast.database, workspace_id).fault is None


def test_other_processes_work_out_the_same_people(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cast.database.writing() as session:
        shop = bulk.open_shop(session, workspace_id=cast.workspace_id)
    due = [Batch(number, number * 50 + 1, 50, 200) for number in range(3)]

    here = list(lives.work_out(shop, due))
    monkeypatch.setattr(lives, "WORTH_PROCESSES", 1)
    elsewhere = list(lives.work_out(shop, due))

    def facts(rows: Rows) -> list[object]:
        names = [column.name for column in table_of(LedgerEntry).c]
        points, at = names.index("points"), names.index("recorded_at")
        return [[each[points], each[at]] for each in rows.entries]

    assert [facts(rows) for rows in here] == [facts(rows) for rows in elsewhere]
    assert [len(rows.entries) for rows in elsewhere] == [200, 200, 200]


def test_an_index_that_was_dropped_is_made_again(
    cast: Cast, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "WORTH_NO_INDEX", 1)
    monkeypatch.setattr(bulk, "write", mock.Mock(side_effect=KeyboardInterrupt))
    before = _indexes(cast.database)

    with pytest.raises(KeyboardInterrupt):
        filled(cast, capsys)

    assert _indexes(cast.database) == before


def _triggers(database: Database) -> set[str]:
    """Give what makes the ledger and the audit log append-only."""
    names = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    if not database.is_sqlite:
        names = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    with database.engine.connect() as connection:
        found = set(connection.scalars(text(names)))
    assert found
    return found


def _indexes(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        found = inspect(connection)
        return {
            str(index["name"])
            for table in ("members", "customers", "ledger_entries", "audit_entries")
            for index in found.get_indexes(table)
        }


def test_a_ready_workspace_is_left_as_it_is(cast: Cast, capsys: pytest.CaptureFixture[str]) -> None:
    first = filled(cast, capsys)
    again = filled(cast, capsys)

    assert _workspace(first) == _workspace(again)
    assert _counts(cast.database, _workspace(again)) == [MEMBERS, MEMBERS, ENTRIES]
