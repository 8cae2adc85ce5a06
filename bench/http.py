"""The API over HTTP: one served process, eight clients; beside it the same server with no work."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from app.db.database import Database
from bench import databases
from bench.measuring import Figures, table
from bench.services import award
from tests import factories
from tests.support.api import make_secret

ROOT = Path(__file__).resolve().parent.parent

CLIENTS = 8
MEMBERS = 400
CALLS_PER_CLIENT = 150
BATCHES = 5
BATCH_AWARDS = 1_000
START_SECONDS = 20

Call = tuple[str, str, dict[str, Any] | None]
"""Method, path and body of one request."""


def run() -> str:
    """Measure on each kind of database and give the report's section."""
    parts = [
        "## API, eight clients, one process",
        "",
        "Waitress with eight threads, and the clients on the same machine. `empty JSON` is the",
        "same server with a Flask app that answers `{}` and does nothing else.",
        "",
    ]
    for kind in databases.KINDS:
        with databases.new(kind) as database:
            found = _measure(database)
        parts += [f"### {kind}", "", table(list(found.values())), "", *_compared(found), ""]
    return "\n".join(parts)


def _compared(found: dict[str, Figures]) -> list[str]:
    award, batch = found["award"], found[f"batch of {BATCH_AWARDS:,} awards"]
    share = award.per_second / found["empty JSON"].per_second
    times = batch.per_second * BATCH_AWARDS / award.per_second
    return [
        f"An award runs at {share:.2f} of the empty answer's rate, with a p99 of "
        f"{award.percentile(99):.1f} ms. Awards in batches run at {times:.1f} times its rate."
    ]


def _measure(database: Database) -> dict[str, Figures]:
    cast = factories.make_cast(database)
    ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
    reward = factories.make_reward(cast, points_cost=1)
    for member_id in ids:
        award(cast, member_id, 1_000_000, f"first {member_id}")
    secret, number = make_secret(cast), count()

    def member() -> str:
        return ids[next(number) % len(ids)]

    calls: dict[str, Callable[[], Call]] = {
        "award": lambda: (
            "POST",
            "/v1/loyalty/points/award",
            {"accountId": member(), "points": 5, "reason": "purchase"},
        ),
        "redeem": lambda: (
            "POST",
            "/v1/loyalty/redemptions",
            {"accountId": member(), "rewardId": reward.id},
        ),
        "retrieve an account": lambda: ("GET", f"/v1/loyalty/accounts/{member()}", None),
        "list 25 transactions": lambda: ("GET", f"/v1/loyalty/points?accountId={member()}", None),
    }
    with served("bench.empty:app", database.url) as server:
        empty = load("empty JSON", lambda: ("GET", "/", None), [server.port], secret)
    with served("wsgi:app", database.url) as server:
        found = [load(name, call, [server.port], secret) for name, call in calls.items()]
        found.append(_load_batches(member, number, server.port, secret))
    return {each.name: each for each in [empty, *found]}


def _load_batches(
    member: Callable[[], str], number: Iterator[int], port: int, secret: str
) -> Figures:
    def call() -> Call:
        awards = [
            {
                "idempotencyKey": f"batch {next(number)}",
                "accountId": member(),
                "points": 5,
                "reason": "purchase",
            }
            for _ in range(BATCH_AWARDS)
        ]
        return ("POST", "/v1/loyalty/points/award-batch", {"awards": awards})

    name = f"batch of {BATCH_AWARDS:,} awards"
    return load(name, call, [port], secret, clients=1, calls=BATCHES)


def load(
    name: str,
    call: Callable[[], Call],
    ports: Sequence[int],
    secret: str,
    *,
    clients: int = CLIENTS,
    calls: int = CALLS_PER_CLIENT,
) -> Figures:
    """Let all clients call at once, each over a connection of its own, by turns to each port."""
    seconds: list[float] = []
    gate = threading.Barrier(clients + 1)

    def client(index: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", ports[index % len(ports)])
        gate.wait()
        for number in range(calls):
            method, path, body = call()
            headers = {
                "X-Api-Key": secret,
                "Content-Type": "application/json",
                "Idempotency-Key": f"{name} {threading.get_ident()} {number}",
            }
            began = time.perf_counter()
            connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            seconds.append(time.perf_counter() - began)
            if answer.status >= 400:  # noqa: PLR2004 - no success
                raise RuntimeError(text)

    threads = [threading.Thread(target=client, args=[index]) for index in range(clients)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    wall_seconds = time.perf_counter() - started
    if len(seconds) < clients * calls:
        raise RuntimeError(f"{name}: some calls failed")
    return Figures(name, seconds, wall_seconds)


@dataclass(frozen=True)
class Served:
    """A process that serves an app on this machine."""

    port: int
    process_id: int


@contextmanager
def served(app: str, url: str, **environ: str) -> Iterator[Served]:
    """Serve an app with this database from a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = ["-m", "waitress", f"--listen=127.0.0.1:{port}", f"--threads={CLIENTS}", app]
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
        server = subprocess.Popen(  # noqa: S603 - our own server
            [sys.executable, *command],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "REGULARS_DATA": folder,
                "REGULARS_RATE_SANDBOX": "1000000/1000000",
                "REGULARS_RATE_PAGES": "1000000/1000000",
                **environ,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await(port)
            yield Served(port, server.pid)
        finally:
            server.terminate()
            server.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server did not start.")
