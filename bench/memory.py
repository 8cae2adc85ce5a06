"""Whether the memory of web and worker stays flat: what each process holds over a mixed load.

Tills award and redeem, a dashboard turns its pages, and each event is delivered.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import mean

from app.db.database import Database
from app.factory import create_app
from bench import databases, shops
from bench.http import ROOT, served
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.receivers import receiving, status
from tests.support.settings import make_settings
from tests.support.webhooks import subscribe

MINUTES = float(os.environ.get("BENCH_MINUTES", "10"))
CLIENTS = 8
MEMBERS = 500
SAMPLE_SECONDS = 5.0

WARM_SHARE = 0.2
"""So much of the time, memory grows because things are met for the first time."""

FLAT_MOST = 1.05

SECRET_KEY = secrets.token_urlsafe(48)

PAGES = ("/", "/members", "/members?q=mem", "/rewards", "/redemptions", "/activity", "/audit")


@dataclass
class _Seen:
    """What one process held over time, in MB."""

    name: str
    megabytes: list[float] = field(default_factory=list)

    def look(self, process_id: int) -> None:
        """Read what it holds now (Linux)."""
        pages = int(Path(f"/proc/{process_id}/statm").read_text("ascii").split()[1])
        self.megabytes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

    def told(self) -> str:
        """Give the row of the table."""
        warm = self.megabytes[int(len(self.megabytes) * WARM_SHARE) :]
        third = max(1, len(warm) // 3)
        early, late = mean(warm[:third]), mean(warm[-third:])
        verdict = "flat" if late <= early * FLAT_MOST else "grows"
        return (
            f"| {self.name} | {self.megabytes[0]:.0f} | {early:.0f} | {late:.0f} "
            f"| {max(self.megabytes):.0f} | {late / early:.2f}, {verdict} |"
        )


def run() -> str:
    """Measure on PostgreSQL and give the report's section."""
    with databases.new("PostgreSQL") as database:
        cast = factories.make_cast(database)
        requests, seen = _loaded(cast)
        if fault := factories.verify(cast).fault:
            raise RuntimeError(fault)
    return "\n".join(
        [
            "## Memory over a mixed load",
            "",
            f"{MINUTES:g} minutes, {CLIENTS} clients, {requests:,} requests, each event delivered "
            "to one receiver; PostgreSQL. Resident megabytes; early and late are the first and the "
            f"last third after the first {WARM_SHARE:.0%}.",
            "",
            "| process | at the start | early | late | most | late to early |",
            "| --- " + "| ---: " * 5 + "|",
            *(each.told() for each in seen),
            "",
        ]
    )


def _loaded(cast: Cast) -> tuple[int, list[_Seen]]:
    database = cast.database
    web, worker = _Seen("web"), _Seen("worker")
    with ExitStack() as stack:
        subscribe(cast, stack.enter_context(receiving(status(200))))
        started = stack.enter_context(
            served("wsgi:app", database.url, REGULARS_SECRET_KEY=SECRET_KEY)
        )
        working = stack.enter_context(_working(database))
        load = _Load(cast, started.port)
        ends_at = time.monotonic() + MINUTES * 60
        threads = [threading.Thread(target=load.run, args=[ends_at]) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        while time.monotonic() < ends_at:
            time.sleep(SAMPLE_SECONDS)
            web.look(started.process_id)
            worker.look(working)
        for thread in threads:
            thread.join()
    return load.request_count, [web, worker]


class _Load:
    """What tills and a dashboard ask for."""

    def __init__(self, cast: Cast, port: int) -> None:
        self.request_count = 0
        self._port = port
        self._ids = [factories.enrol(cast, f"Member {number}").id for number in range(MEMBERS)]
        self._reward = factories.make_reward(cast, points_cost=20)
        self._secret = make_secret(cast)
        self._cookie = _cookie(cast)
        self._numbers = count()

    def run(self, ends_at: float) -> None:
        """Ask until it is time."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        while time.monotonic() < ends_at:
            method, path, body, headers = self._next()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            self.request_count += 1
            if answer.status not in {200, 201, 422}:
                raise RuntimeError(f"{path}: {answer.status} {text[:200]!r}")

    def _next(self) -> tuple[str, str, str | None, dict[str, str]]:
        member_id, luck = random.choice(self._ids), random.random()
        if luck < 0.2:  # noqa: PLR2004 - a fifth is the dashboard's
            pages = (*PAGES, f"/members/{member_id}")
            return "GET", random.choice(pages), None, {"Cookie": self._cookie}
        headers = {
            "X-Api-Key": self._secret,
            "Content-Type": "application/json",
            "Idempotency-Key": f"load {next(self._numbers)}",
        }
        if luck < 0.4:  # noqa: PLR2004 - and a fifth reads
            return "GET", f"/v1/loyalty/accounts/{member_id}", None, headers
        if luck < 0.5:  # noqa: PLR2004 - a tenth redeems, where there are points enough
            body = {"accountId": member_id, "rewardId": self._reward.id}
            return "POST", "/v1/loyalty/redemptions", json.dumps(body), headers
        award = {"accountId": member_id, "points": 5, "reason": "purchase"}
        return "POST", "/v1/loyalty/points/award", json.dumps(award), headers


def _cookie(cast: Cast) -> str:
    """Sign the owner in, and give the header's words that say so to the process that serves."""
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
        settings = make_settings(cast.database, Path(folder), secret_key=SECRET_KEY)
        client = shops.sign_in(create_app(settings, cast.database), cast.workspace_id)
    if (kept := client.get_cookie("regulars")) is None:
        raise RuntimeError("Nobody is signed in.")
    return f"regulars={kept.value}"


@contextmanager
def _working(database: Database) -> Iterator[int]:
    """Run a worker and give its process id."""
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
        worker = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "worker"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": database.url,
                "REGULARS_DATA": folder,
                "REGULARS_WEBHOOKS_ALLOW_PRIVATE": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield worker.pid
        finally:
            worker.terminate()
            worker.wait()
