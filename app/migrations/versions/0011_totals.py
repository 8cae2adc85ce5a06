"""Totals of days and workspaces, and when a member last visited; made from the ledger as it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from app.db.base import UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KINDS = ("award", "redemption", "reversal", "cancellation", "adjustment")
DAY_AMOUNTS = (
    *(f"{kind}_{what}" for kind in KINDS for what in ("points", "count")),
    *("visit_count", "seen_count"),
)
WORKSPACE_AMOUNTS = ("member_count", "outstanding_points", "below_zero_count", "owed_points")
READ_ROWS = 5_000


def upgrade() -> None:
    """Make the tables and the column, and work out what belongs in them."""
    op.add_column("members", sa.Column("last_visit_at", UtcDateTime(), nullable=True))
    op.execute(
        "UPDATE members SET last_visit_at = (SELECT max(e.recorded_at) FROM ledger_entries e "
        "WHERE e.workspace_id = members.workspace_id AND e.member_id = members.id "
        "AND e.kind IN ('award', 'redemption'))"
    )
    _make_table("day_totals", DAY_AMOUNTS, sa.Column("day", sa.Date(), nullable=False))
    _make_table("workspace_totals", WORKSPACE_AMOUNTS)
    connection = op.get_bind()
    for workspace_id, zone in connection.execute(
        sa.text(
            "SELECT w.id, m.time_zone FROM workspaces w JOIN merchants m ON m.id = w.merchant_id"
        )
    ).all():
        _fill(connection, workspace_id, ZoneInfo(zone))


def _make_table(name: str, amounts: tuple[str, ...], *keys: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("workspace_id", sa.String(64), nullable=False),
        *keys,
        sa.Column("slot", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(amount, sa.BigInteger(), nullable=False) for amount in amounts),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspaces.id"], name=op.f(f"fk_{name}_workspace_id")
        ),
        sa.PrimaryKeyConstraint(
            "workspace_id", *(key.name for key in keys), "slot", name=op.f(f"pk_{name}")
        ),
    )


def _fill(connection: sa.Connection, workspace_id: str, zone: ZoneInfo) -> None:
    days: defaultdict[date, Counter[str]] = defaultdict(Counter)
    whole: Counter[str] = Counter()
    visited: dict[str, date] = {}
    for member_id, kind, points, at in _rows(
        connection,
        "SELECT member_id, kind, points, recorded_at FROM ledger_entries WHERE workspace_id = :id "
        "ORDER BY member_id, seq",
        workspace_id,
    ):
        on = _day(at, zone)
        days[on][f"{kind}_points"] += points
        days[on][f"{kind}_count"] += 1
        if kind in {"award", "redemption"} and visited.get(member_id) != on:
            visited[member_id] = on
            days[on]["visit_count"] += 1
    for balance, seen_at in _rows(
        connection,
        "SELECT balance, last_seen_at FROM members WHERE workspace_id = :id",
        workspace_id,
    ):
        days[_day(seen_at, zone)]["seen_count"] += 1
        whole["member_count"] += 1
        whole["outstanding_points"] += balance
        whole["below_zero_count"] += balance < 0
        whole["owed_points"] += max(0, -balance)
    key = {"workspace_id": workspace_id, "slot": 0}
    for on, sums in days.items():
        _insert(connection, "day_totals", {**key, "day": on}, DAY_AMOUNTS, sums)
    _insert(connection, "workspace_totals", key, WORKSPACE_AMOUNTS, whole)


def _rows(connection: sa.Connection, sql: str, workspace_id: str) -> Iterator[Any]:
    yield from connection.execute(
        sa.text(sql), {"id": workspace_id}, execution_options={"yield_per": READ_ROWS}
    )


def _day(at: datetime | str, zone: ZoneInfo) -> date:
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo("UTC"))
    return moment.astimezone(zone).date()


def _insert(
    connection: sa.Connection,
    table: str,
    key: dict[str, Any],
    amounts: tuple[str, ...],
    sums: Counter[str],
) -> None:
    values = {**key, **{name: sums[name] for name in amounts}}
    columns = [sa.column("day", sa.Date()) if name == "day" else sa.column(name) for name in values]
    connection.execute(sa.insert(sa.table(table, *columns)).values(values))
