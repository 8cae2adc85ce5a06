"""Awards over HTTP while a server is killed outright: nothing may be lost, nothing done twice.

The clients do what a till's program should: they ask again under the same key until the answer is
201. Afterwards every key is asked once more and has to give its answer byte for byte.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from app.models.ledger import LedgerEntry
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.postgres import Server

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = 20
POINTS = 3
PATIENCE_SECONDS = 30.0
"""Longer than any restart takes; who still has no answer then is stuck."""

SOCKET_SECONDS = 10
PAUSE_SECONDS = 0.05
"""A client that asks more often takes the time that the server needs to come back."""


@dataclass
class Result:
    """What came of it.

    Attributes:
        answers: the first good answer to each key, word for word.
        back_seconds: from each restart to the first award that was answered.
    """

    award_count: int
    kill_count: int
    seconds: float = 0.0
    answers: dict[str, str] = field(default_factory=dict)
    replays: dict[str, str] = field(default_factory=dict)
    back_seconds: list[float] = field(default_factory=list)
    entry_count: int = 0
    fault: str | None = None


class Served:
    """The product in a process of its own, on one port, to be killed and started again."""

    def __init__(self, database_url: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "REGULARS_DATA": str(folder),
            "REGULARS_RATE_SANDBOX": "1000000/1000000",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it answers a moment later."""
        words = ["-m", "waitress", f"--listen=127.0.0.1:{self.port}", "--threads=8", "wsgi:app"]
        self._process = subprocess.Popen(  # noqa: S603 - our own server
            [sys.executable, *words],
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def process_id(self) -> int:
        """The id of the process that serves now."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill it outright (SIGKILL), in whatever it is doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class _Client:
    """One till: asks again until it is answered."""

    def __init__(self, port: int, secret: str) -> None:
        self._port = port
        self._headers = {"X-Api-Key": secret, "Content-Type": "application/json"}
        self._connection: http.client.HTTPConnection | None = None

    def award(self, member_id: str, key: str) -> str:
        """Award under a key, and give the answer."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = self._ask(member_id, key)
            if found is not None:
                return found
            time.sleep(PAUSE_SECONDS)
        raise RuntimeError(f"{key} has no answer.")

    def _ask(self, member_id: str, key: str) -> str | None:
        body = json.dumps({"accountId": member_id, "points": POINTS, "reason": "purchase"})
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=SOCKET_SECONDS
                )
            headers = {**self._headers, "Idempotency-Key": key}
            self._connection.request("POST", "/v1/loyalty/points/award", body, headers)
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        if answer.status == 201:
            return text
        if answer.status < 500:
            raise RuntimeError(text)
        return None

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def run(
    cast: Cast,
    folder: Path,
    *,
    award_count: int,
    kill_count: int,
    clients: int,
    database_server: Server | None = None,
) -> Result:
    """Award so many times by so many clients, and kill the server so often meanwhile.

    Args:
        database_server: what is killed instead, if given.
    """
    result = Result(award_count, kill_count)
    members = [factories.enrol(cast).id for _ in range(MEMBERS)]
    keys = {f"key {number}": members[number % MEMBERS] for number in range(award_count)}
    secret = make_secret(cast)
    server = Served(cast.database.url, folder)
    began = time.monotonic()
    server.start()
    try:
        crowd = _Crowd(server.port, secret, keys, clients)
        for number in range(kill_count):
            crowd.wait_for(award_count * (number + 1) // (kill_count + 1))
            victim = database_server or server
            victim.kill()
            answered, restarted_at = len(crowd.answers), time.monotonic()
            victim.start()
            crowd.wait_for(answered + 1)
            result.back_seconds.append(time.monotonic() - restarted_at)
        result.answers = crowd.finish()
        again = _Client(server.port, secret)
        result.replays = {key: again.award(member_id, key) for key, member_id in keys.items()}
        again.close()
    finally:
        server.kill()
    result.seconds = time.monotonic() - began
    with cast.database.reading() as session:
        result.entry_count = session.execute(
            select(func.count()).where(LedgerEntry.workspace_id == cast.workspace_id)
        ).scalar_one()
    result.fault = factories.verify(cast).fault
    return result


class _Crowd:
    """The clients at work, each with its share of the keys."""

    def __init__(self, port: int, secret: str, keys: dict[str, str], clients: int) -> None:
        self.answers: dict[str, str] = {}
        self._faults: list[BaseException] = []
        shares = [list(keys.items())[first::clients] for first in range(clients)]
        self._threads = [
            threading.Thread(target=self._work, args=(_Client(port, secret), share), daemon=True)
            for share in shares
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, client: _Client, share: list[tuple[str, str]]) -> None:
        try:
            for key, member_id in share:
                self.answers[key] = client.award(member_id, key)
        except BaseException as fault:
            self._faults.append(fault)
        finally:
            client.close()

    def wait_for(self, count: int) -> None:
        """Wait until so many keys are answered."""
        deadline = time.monotonic() + PATIENCE_SECONDS * 4
        while len(self.answers) < count:
            if self._faults:
                raise self._faults[0]
            if time.monotonic() > deadline:
                raise RuntimeError("The clients are stuck.")
            time.sleep(PAUSE_SECONDS / 10)

    def finish(self) -> dict[str, str]:
        """Wait for everybody, and give all answers."""
        for thread in self._threads:
            thread.join()
        if self._faults:
            raise self._faults[0]
        return self.answers
