"""An award, beside the same five statements without our code: by pgbench and the sqlite3 module.

The five are key, lock, entry, event and new balance, on the product's own tables and indexes. The
service does more in its transaction: hashes, totals, the audit log, tiers.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count, cycle
from pathlib import Path
from statistics import median

from sqlalchemy import text
from sqlalchemy.engine import make_url

from app.db.database import Database
from bench import databases
from bench.services import award
from tests import factories
from tests.cast import Cast

MEMBERS = 200
SECONDS = 3
ROUNDS = 3
CLIENTS = 8

Rates = dict[str, list[float]]
"""Awards per second, one figure per round."""

_VALUES = "'{workspace}', 'ptx_:k', ':member', :seq, 'award', 5, :b + 5, :l + 5, :l + 5"

_PGBENCH = """
\\set n random(0, {last})
\\set k random(1, 9000000000000000)
BEGIN;
INSERT INTO idempotency_keys (workspace_id, scope, key, fingerprint, result_id, created_at)
  VALUES ('{workspace}', 'api', 'k:k', repeat('a', 64), 'ptx_:k', now()) ON CONFLICT DO NOTHING;
SELECT m.id AS member, m.balance AS b, m.entry_count + 1 AS seq, m.lifetime_points AS l
  FROM members m JOIN bench_members b ON b.id = m.id
  WHERE m.workspace_id = '{workspace}' AND b.n = :n FOR UPDATE OF m \\gset
INSERT INTO ledger_entries (workspace_id, id, member_id, seq, kind, points, balance_after,
  lifetime_after, qualifying_after, reason, metadata, salt, text_digest, actor_kind, actor_id,
  recorded_at, occurred_at, hash)
  VALUES ({values}, 'Purchase', '{{}}', repeat('s', 64), repeat('t', 64), 'key', 'key_bench',
  now(), now(), repeat('h', 64));
INSERT INTO events (workspace_id, id, type, sequence, member_id, entry_id, data, is_dispatched,
  created_at)
  VALUES ('{workspace}', 'evt_:k', 'loyalty.points.earned', :seq, ':member', 'ptx_:k',
  '{{"points": 5}}', false, now());
UPDATE members SET balance = :b + 5, entry_count = :seq, lifetime_points = :l + 5,
  head_hash = repeat('h', 64), last_entry_at = now(), last_seen_at = now()
  WHERE workspace_id = '{workspace}' AND id = ':member';
COMMIT;
"""


def run() -> str:
    """Measure and give the report's section."""
    return "\n".join(["## An award beside its bare statements", "", *_postgresql(), *_sqlite()])


def _postgresql() -> list[str]:
    program = shutil.which("pgbench")
    if program is None:
        return ["pgbench was not found on this machine, so PostgreSQL is left out.", ""]
    rates: Rates = {}
    for _ in range(ROUNDS):
        for clients in (1, CLIENTS):
            # A database of its own for each, so that both find the tables equally small.
            with databases.new("PostgreSQL") as database:
                _note(rates, f"pgbench, {clients}", _pgbench(program, database, clients))
            with databases.new("PostgreSQL") as database:
                _note(rates, f"service, {clients}", _service(database, clients))
    return ["### PostgreSQL", "", *_told(rates, "pgbench", (1, CLIENTS))]


def _sqlite() -> list[str]:
    rates: Rates = {}
    for _ in range(ROUNDS):
        with databases.new("SQLite") as database:
            _note(rates, "sqlite3, 1", _raw_sqlite(database))
        with databases.new("SQLite") as database:
            _note(rates, "service, 1", _service(database, 1))
    return ["### SQLite, synchronous=FULL", "", *_told(rates, "sqlite3", (1,))]


def _note(rates: Rates, name: str, per_second: float) -> None:
    rates.setdefault(name, []).append(per_second)


def _told(rates: Rates, theirs: str, clients: tuple[int, ...]) -> list[str]:
    lines = [
        f"| clients | {theirs}, per second | service, per second | ratio |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for number in clients:
        bare = median(rates[f"{theirs}, {number}"])
        ours = median(rates[f"service, {number}"])
        lines.append(f"| {number} | {bare:,.0f} | {ours:,.0f} | {ours / bare:.2f} |")
    return [*lines, "", f"Medians of {ROUNDS} rounds in turns, {MEMBERS} members.", ""]


def _service(database: Database, clients: int) -> float:
    cast = factories.make_cast(database)
    ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
    turn, number = cycle(ids), count()
    lock = threading.Lock()

    def one() -> None:
        with lock:
            member_id, key = next(turn), next(number)
        award(cast, member_id, 5, f"key {key}")

    return _rate(one, clients)


def _rate(act: Callable[[], None], clients: int) -> float:
    """Give how often an act is done in a second by so many threads."""
    done: list[int] = []
    until = time.perf_counter() + SECONDS

    def work() -> None:
        times = 0
        while time.perf_counter() < until:
            act()
            times += 1
        done.append(times)

    threads = [threading.Thread(target=work) for _ in range(clients)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - started)


def _pgbench(program: str, database: Database, clients: int) -> float:
    cast = factories.make_cast(database)
    with database.writing() as session:
        session.execute(text("CREATE TABLE bench_members (n integer PRIMARY KEY, id text)"))
        for number in range(MEMBERS):
            member_id = factories.enrol(cast, f"Member {number}").id
            session.execute(
                text("INSERT INTO bench_members VALUES (:n, :id)"), {"n": number, "id": member_id}
            )
    values = _VALUES.format(workspace=cast.workspace_id)
    script = _PGBENCH.format(workspace=cast.workspace_id, last=MEMBERS - 1, values=values)
    url = make_url(database.url)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        words = [
            *("-h", str(url.query["host"]), "-U", str(url.username)),
            *("-n", "-f", file.name, "-T", str(SECONDS)),
            *("-c", str(clients), "-j", str(min(clients, 2)), str(url.database)),
        ]
        said = subprocess.run([program, *words], capture_output=True, text=True, check=True)  # noqa: S603 - found above
    found = re.search(r"tps = ([\d.]+)", said.stdout)
    if found is None:
        raise RuntimeError(said.stdout + said.stderr)
    return float(found.group(1))


def _raw_sqlite(database: Database) -> float:
    cast = factories.make_cast(database)
    ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
    path = Path(str(make_url(database.url).database))
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    turn, number = cycle(ids), count()
    try:
        # The connection belongs to this thread, so the one client is this thread.
        until, times, started = time.perf_counter() + SECONDS, 0, time.perf_counter()
        while time.perf_counter() < until:
            _bare_award(connection, cast, next(turn), next(number))
            times += 1
        return times / (time.perf_counter() - started)
    finally:
        connection.close()


def _bare_award(connection: sqlite3.Connection, cast: Cast, member_id: str, number: int) -> None:
    workspace, now = cast.workspace_id, "2026-03-12 12:00:00.000000"
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        "INSERT INTO idempotency_keys (workspace_id, scope, key, fingerprint, result_id, "
        "created_at) VALUES (?, 'api', ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (workspace, f"k{number}", "a" * 64, f"ptx_{number}", now),
    )
    balance, seq, lifetime = connection.execute(
        "SELECT balance, entry_count + 1, lifetime_points FROM members "
        "WHERE workspace_id = ? AND id = ?",
        (workspace, member_id),
    ).fetchone()
    before = (workspace, f"ptx_{number}", member_id, seq)
    after = (balance + 5, lifetime + 5, lifetime + 5)
    connection.execute(
        "INSERT INTO ledger_entries (workspace_id, id, member_id, seq, kind, points, "
        "balance_after, lifetime_after, qualifying_after, reason, metadata, salt, text_digest, "
        "actor_kind, actor_id, recorded_at, occurred_at, hash) VALUES (?, ?, ?, ?, 'award', 5, ?, "
        "?, ?, 'Purchase', '{}', ?, ?, 'key', 'key_bench', ?, ?, ?)",
        (*before, *after, "s" * 64, "t" * 64, now, now, "h" * 64),
    )
    connection.execute(
        "INSERT INTO events (workspace_id, id, type, sequence, member_id, entry_id, data, "
        "is_dispatched, created_at) VALUES (?, ?, 'loyalty.points.earned', ?, ?, ?, ?, 0, ?)",
        (workspace, f"evt_{number}", seq, member_id, f"ptx_{number}", '{"points": 5}', now),
    )
    connection.execute(
        "UPDATE members SET balance = ?, entry_count = ?, lifetime_points = ?, head_hash = ?, "
        "last_entry_at = ?, last_seen_at = ? WHERE workspace_id = ? AND id = ?",
        (balance + 5, seq, lifetime + 5, "h" * 64, now, now, workspace, member_id),
    )
    connection.execute("COMMIT")
