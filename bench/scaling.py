"""Awards over HTTP by one process and by several, through PgBouncer, and what a standby shows when.

All of it shares one machine, clients and databases included: the figures show what each step costs,
and not what more machines bring.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from statistics import median

from sqlalchemy import make_url

from app import errors
from app.db.database import Database
from app.migrations.running import upgrade
from app.services.ledger import verify
from app.services.members import enrolment
from bench import databases
from bench.http import Call, load, served
from bench.measuring import Figures, table
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.postgres import Server, start_server, start_standby

PROCESSES = (1, 2, 4)
MEMBERS = 400
CALLS_PER_CLIENT = 200
LAG_AWARDS = 200

POOLED = {"REGULARS_PREPARED_STATEMENTS": "0"}
POOL_CONNECTIONS = 10
START_SECONDS = 10


def run() -> str:
    """Measure, and give the report's section."""
    found: list[Figures] = []
    with databases.new("SQLite") as database:
        found.append(_awards("SQLite, one process", database, [database.url]))
    replicated = {**databases.DURABLE, "wal_level": "replica", "max_wal_senders": "4"}
    with start_server(settings=replicated) as server:
        server.create_database("bench")
        database = Database(server.url("bench"))
        upgrade(database.engine)
        for processes in PROCESSES:
            name = f"PostgreSQL, {processes} {'process' if processes == 1 else 'processes'}"
            found.append(_awards(name, database, [database.url] * processes))
        found += _pooled(server, database)
        with start_standby(server) as standby:
            behind = _behind(database, Database(standby.url("bench")))
        database.engine.dispose()
    missing = "" if shutil.which("pgbouncer") else "PgBouncer is not on this machine: not measured."
    return "\n".join(
        [
            "## One process, several, a pooler and a standby",
            "",
            "Awards over HTTP by eight clients, all on one machine with the databases.",
            "",
            table(found),
            "",
            *([missing, ""] if missing else []),
            behind,
            "",
        ]
    )


def _awards(
    name: str, database: Database, urls: Sequence[str], environ: dict[str, str] | None = None
) -> Figures:
    """Let the clients award through as many processes as there are addresses."""
    cast = factories.make_cast(database, domain=f"{time.time_ns()}.example.com")
    ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
    secret = make_secret(cast)
    with ExitStack() as stack:
        servers = [stack.enter_context(served("wsgi:app", url, **(environ or {}))) for url in urls]
        ports = [server.port for server in servers]
        call = _calls(ids)
        # The first answers load what is loaded once.
        load("warm", call, ports, secret, calls=10)
        figures = load(name, call, ports, secret, calls=CALLS_PER_CLIENT)
    if fault := factories.verify(cast).fault:
        raise RuntimeError(fault)
    return figures


def _calls(ids: Sequence[str]) -> Callable[[], Call]:
    number = count()

    def call() -> Call:
        member_id = ids[next(number) % len(ids)]
        return (
            "POST",
            "/v1/loyalty/points/award",
            {"accountId": member_id, "points": 5, "reason": "purchase"},
        )

    return call


def _pooled(server: Server, database: Database) -> list[Figures]:
    if not shutil.which("pgbouncer"):
        return []
    with _pgbouncer(server) as url:
        return [_awards("PostgreSQL through PgBouncer, 2 processes", database, [url] * 2, POOLED)]


@contextmanager
def _pgbouncer(server: Server) -> Iterator[str]:
    """Run PgBouncer in transaction mode, on a socket, and give the address of the database."""
    with tempfile.TemporaryDirectory(prefix="regulars-bench-", dir="/tmp") as name:
        folder = Path(name)
        owner = pwd.getpwuid(server.folder.stat().st_uid)
        if os.geteuid() == 0:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        settings = folder / "pgbouncer.ini"
        settings.write_text(
            f"""[databases]
bench = host={server.folder} dbname=bench user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {POOL_CONNECTIONS}
max_client_conn = 500
""",
            "utf-8",
        )
        settings.chmod(0o644)
        # It refuses to run as root, as PostgreSQL does.
        is_root = os.geteuid() == 0
        running = subprocess.Popen(  # noqa: S603 - our own settings
            [str(shutil.which("pgbouncer")), str(settings)],
            user=owner.pw_uid if is_root else None,
            group=owner.pw_gid if is_root else None,
            extra_groups=[] if is_root else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_socket(folder / ".s.PGSQL.6432")
            url = make_url(server.url("bench"))
            yield url.set(query={"host": str(folder), "port": "6432"}).render_as_string()
        finally:
            running.terminate()
            running.wait()


def _await_socket(path: Path) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while not path.exists():
        if time.monotonic() > ends_at:
            raise RuntimeError("PgBouncer did not start.")
        time.sleep(0.05)


def _behind(primary: Database, standby: Database) -> str:
    """Say when a standby shows what was committed, and that a ledger can be checked there."""
    cast = factories.make_cast(primary, domain="standby.example.com")
    member = factories.enrol(cast)
    seconds = []
    for number in range(1, LAG_AWARDS + 1):
        factories.award(cast, member, 1)
        began = time.perf_counter()
        while _entry_count(standby, cast, member.id) < number:
            pass
        seconds.append(time.perf_counter() - began)
    began = time.perf_counter()
    report = factories.verify_workspace(standby, cast.workspace_id)
    heads = []
    for database in (primary, standby):
        with database.reading() as session:
            heads.append(verify.read_heads(session, workspace_id=cast.workspace_id))
    if report.fault or heads[0] != heads[1]:
        raise RuntimeError(f"The standby is not the primary: {report.fault} {heads}")
    standby.engine.dispose()
    return (
        f"A hot standby showed an award {median(seconds) * 1000:.1f} ms after its commit in the "
        f"median, {max(seconds) * 1000:.0f} ms at most ({LAG_AWARDS} awards); `ledger verify` ran "
        "there, and both printed the same heads."
    )


def _entry_count(database: Database, cast: Cast, member_id: str) -> int:
    with database.reading() as session:
        try:
            found = enrolment.get_member(
                session, workspace_id=cast.workspace_id, member_id=member_id
            )
        except errors.NotFound:
            return -1
        return found.entry_count
