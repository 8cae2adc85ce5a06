"""The ledger only grows, whatever is said to the database: spec section 2."""

from __future__ import annotations

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from app.db.database import Database
from app.models.ledger import LedgerEntry
from app.rules.ledger import Entry, Source
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.tampering import run_sql

BLANK = "reason = NULL, note = NULL, metadata = NULL, salt = NULL"


@pytest.fixture
def entry(cast: Cast) -> Entry:
    """Give the second of a member's three entries."""
    return _second_of_three(cast)


def _second_of_three(cast: Cast) -> Entry:
    member = factories.enrol(cast)
    factories.award(cast, member, 100)
    entry = factories.award(cast, member, 200, note="By hand", source=Source("payment", "p1"))
    factories.award(cast, member, 300)
    return entry


@pytest.mark.parametrize("column", [each.name for each in LedgerEntry.__table__.columns])
def test_no_column_can_be_changed(cast: Cast, entry: Entry, column: str) -> None:
    value = "1" if column in {"seq", "points"} or column.endswith("_after") else "'x'"
    if column.endswith("_at"):
        value = "'2020-01-01 00:00:00.000000'"
    if column == "metadata":
        value = "'{}'"

    _is_refused(cast, f"UPDATE ledger_entries SET {column} = {value}")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET points = points",
        "UPDATE ledger_entries SET reason = NULL",
        "UPDATE ledger_entries SET salt = NULL",
        "UPDATE ledger_entries SET reason = NULL, note = NULL, metadata = NULL",
        f"UPDATE ledger_entries SET {BLANK}, points = 1",
        f"UPDATE ledger_entries SET {BLANK}, location_id = NULL",
        f"UPDATE ledger_entries SET {BLANK}, hash = 'x'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_entries WHERE seq = 3",
    ],
)
def test_nothing_is_changed_or_deleted(cast: Cast, entry: Entry, statement: str) -> None:
    _is_refused(cast, statement)


def test_only_the_four_texts_can_be_blanked_and_only_together(cast: Cast, entry: Entry) -> None:
    for _ in range(2):  # once more is no harm
        run_sql(cast.database, f"UPDATE ledger_entries SET {BLANK} WHERE id = :id", id=entry.id)

    assert factories.verify(cast).fault is None
    _is_refused(cast, "UPDATE ledger_entries SET reason = 'Forged'")
    _is_refused(cast, f"UPDATE ledger_entries SET salt = '{'0' * 64}'")


def test_a_truncation_is_refused(postgres: Database) -> None:
    cast = factories.make_cast(postgres)
    _second_of_three(cast)

    _is_refused(cast, "TRUNCATE ledger_entries")
    _is_refused(cast, "TRUNCATE members CASCADE")


def test_an_upsert_is_refused(cast: Cast, entry: Entry) -> None:
    same = {**_values(entry), "points": 1}
    statement = str(insert(LedgerEntry).values(same).compile())

    _is_refused(
        cast,
        f"{statement} ON CONFLICT (workspace_id, id) DO UPDATE SET points = excluded.points",
        same,
    )


@pytest.mark.parametrize(
    "same_in",
    [
        {"id"},
        {"member_id", "seq"},
        {"source_type", "source_id", "source_rule"},
        {"rowid"},
    ],
)
def test_a_replacement_is_refused(sqlite: Database, same_in: set[str]) -> None:
    cast = factories.make_cast(sqlite)
    entry = _second_of_three(cast)
    other = {"id": "ptx_other", "seq": 99, "source_id": "p2"}
    values = {**_values(entry), **{k: v for k, v in other.items() if k not in same_in}}
    columns = list(values)
    if "rowid" in same_in:
        values["rowid"] = 2
        columns.append("rowid")

    _is_refused(
        cast,
        f"INSERT OR REPLACE INTO ledger_entries ({', '.join(columns)}) "
        f"VALUES ({', '.join(':' + name for name in columns)})",
        values,
    )


def _is_refused(cast: Cast, statement: str, values: dict[str, object] | None = None) -> None:
    with pytest.raises(IntegrityError, match="append-only"):
        run_sql(cast.database, statement, **(values or {}))

    assert records.count_written(cast)["ledger_entries"] == 3
    assert factories.verify(cast).fault is None


def _values(entry: Entry) -> dict[str, object]:
    names = [each.name for each in LedgerEntry.__table__.columns if each.name != "metadata"]
    return {
        **{name: getattr(entry, name) for name in names},
        "metadata": "{}",
        "recorded_at": "2026-01-01 00:00:00.000000",
        "occurred_at": "2026-01-01 00:00:00.000000",
    }
