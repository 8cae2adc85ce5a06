"""What a real `serve` writes down, whatever is sent to it: JSON lines in UTC, and no files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import text

from app.db.database import Database
from app.factory import create_app
from app.worker.running import Worker
from tests import factories
from tests.cast import Cast
from tests.cli.test_watching import PATIENCE_SECONDS, ROOT, environment, fetched, free_port
from tests.support.databases import SqliteMaker
from tests.support.serving import said
from tests.support.settings import make_settings

pytestmark = pytest.mark.xdist_group("log")
"""One process makes what its tests share."""

FORGED = '{"event": "forged", "level": "critical"}'

NEXT_LINES = {
    "line feed": "\n",
    "carriage return": "\r",
    "both": "\r\n",
    "line separator": "\u2028",
    "next line": "\x85",
    "form feed": "\x0c",
    "the terminal's own": "\x1b[1A\x1b[2K",
}
"""What one reader of lines or another takes for the end of one."""


@dataclass
class Served:
    """A process that serves a shop in which a till's row is spoilt, and all that it wrote.

    Attributes:
        answers: what came back to each request, by what was sent.
        lines: its standard output, cut at line feeds alone.
        errors: its standard error.
        left: the files that it left in its folders, by their path.
    """

    began: datetime
    answers: dict[str, bytes] = field(default_factory=dict)
    ended: datetime | None = None
    lines: list[str] = field(default_factory=list)
    errors: str = ""
    left: list[str] = field(default_factory=list)

    @property
    def entries(self) -> list[dict[str, Any]]:
        """Give the entries of the log, which begins where the greeting ends."""
        begin = self.lines.index("Stop with Ctrl+C.") + 2
        return [json.loads(line) for line in self.lines[begin:]]

    def entries_of(self, sent: str) -> list[dict[str, Any]]:
        """Give the entries of one request."""
        return [each for each in self.entries if each["request_id"] == self.id_of(sent)]

    def id_of(self, sent: str) -> str:
        """Give the id in the head of an answer; empty if the request came to nobody's ears."""
        head, _, _ = self.answers[sent].partition(b"\r\n\r\n")
        found = re.search(rb"\r\nX-Request-Id: (\S+)", head)
        return found[1].decode() if found else ""


def make_requests(till: str) -> dict[str, bytes]:
    """Make what is sent: ordinary requests, those that something breaks at, and forged lines."""
    host = "Host: shop.example.com\r\nConnection: close\r\n"
    made = {
        "a page": f"GET /sign-in?q=private HTTP/1.1\r\n{host}\r\n",
        "nothing": f"GET /nothing-here HTTP/1.1\r\n{host}\r\n",
        "a spoilt till": f"GET /till HTTP/1.1\r\n{host}Cookie: regulars_till={till}\r\n\r\n",
        "a lost table": f"GET /card/{'x' * 43} HTTP/1.1\r\n{host}\r\n",
    }
    for name, end in NEXT_LINES.items():
        coded = "".join(f"%{byte:02x}" for byte in f"{end}{FORGED}{end}".encode())
        for where, request in {
            "id": f"GET /healthz HTTP/1.1\r\n{host}X-Request-Id: abcdefgh{end}{FORGED}\r\n\r\n",
            "path": f"GET /members/abc{coded} HTTP/1.1\r\n{host}\r\n",
            "nowhere": f"GET /{coded} HTTP/1.1\r\n{host}\r\n",
            "query": f"GET /sign-in?next={coded} HTTP/1.1\r\n{host}\r\n",
            "browser": f"GET /healthz HTTP/1.1\r\n{host}User-Agent: x{end}{FORGED}\r\n\r\n",
            "method": f"GET{end}{FORGED.replace(' ', '')} /healthz HTTP/1.1\r\n{host}\r\n",
        }.items():
            made[f"{name} in the {where}"] = request
    return {name: request.encode() for name, request in made.items()}


@contextmanager
def serving(database: Database, folder: Path, **more: str) -> Iterator[tuple[int, Served]]:
    """Serve a database for the length of the block; what was written is there after it."""
    at_work, port = folder / "work", free_port()
    for each in (at_work, folder / "data", folder / "home", folder / "tmp"):
        each.mkdir()
    environ = environment(database, folder / "data", **more) | {
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        # The machine's own clock is half a day off, as seen from UTC.
        "TZ": "Pacific/Auckland",
    }
    words = ("serve", "--only-web", "--port")
    found = Served(datetime.now(UTC))
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(  # noqa: S603 - the product's own words
            [*(sys.executable, "-m", "flask", "--app", "wsgi"), *words, str(port)],
            cwd=at_work,
            env=environ,
            stdout=out,
            stderr=err,
        )
        try:
            fetched(port, "/healthz")
            yield port, found
            process.terminate()
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.wait()
    found.ended = datetime.now(UTC)
    found.lines = (folder / "out").read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    found.errors = (folder / "err").read_text("utf-8")
    found.left = [
        path.relative_to(folder).as_posix()
        for each in ("work", "data", "home", "tmp")
        for path in (folder / each).rglob("*")
    ]


def spoil(cast: Cast) -> str:
    """Register a till, spoil its row and lose a table; give the till's token."""
    token = factories.register_till(cast).token
    with cast.database.writing() as session:
        spoilt = f"yesterday\n{FORGED}\r\n\u2028{FORGED}"
        session.execute(text("UPDATE devices SET created_at = :spoilt"), {"spoilt": spoilt})
        session.execute(text("ALTER TABLE card_links RENAME TO lost"))
    return token


@pytest.fixture(scope="module", params=["", "1"], ids=["as it is", "FLASK_DEBUG"])
def served(
    sqlite_maker: SqliteMaker,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Served]:
    """Give what a process wrote that was sent all of `make_requests`."""
    more = {"FLASK_DEBUG": request.param} if request.param else {}
    with sqlite_maker.new() as database:
        sent = make_requests(spoil(factories.make_cast(database)))
        with serving(database, tmp_path_factory.mktemp("served"), **more) as (port, found):
            for name, message in sent.items():
                found.answers[name] = said(port, message)
        yield found


def test_each_line_is_an_entry_that_programs_read(served: Served) -> None:
    assert served.lines[-1].startswith("{")
    for entry in served.entries:
        assert {"event", "level", "timestamp", "request_id"} <= entry.keys()
    assert "Traceback" not in served.errors
    (line,) = served.entries_of("a page")
    shown = {name: line[name] for name in ("event", "level", "method", "route", "status")}
    assert shown == {
        "event": "request",
        "level": "info",
        "method": "GET",
        "route": "/sign-in",
        "status": 200,
    }
    assert line["milliseconds"] > 0


def test_every_entry_has_its_moment_in_utc_wherever_the_machine_stands(served: Served) -> None:
    moments = [datetime.fromisoformat(entry["timestamp"]) for entry in served.entries]

    assert all(entry["timestamp"].endswith("Z") for entry in served.entries)
    assert {moment.utcoffset() for moment in moments} == {timedelta(0)}
    assert served.ended is not None
    assert served.began <= min(moments) <= max(moments) <= served.ended


def test_nothing_that_is_sent_makes_a_line_of_its_own(served: Served) -> None:
    begin = served.lines.index("Stop with Ctrl+C.")
    # `splitlines` knows more ends of lines than the line feed.
    assert [line for line in served.lines[begin:] if len(line.splitlines()) > 1] == []
    assert {entry["event"] for entry in served.entries} == {"request", "unexpected", "database"}
    answered = [name for name in served.answers if served.id_of(name)]
    assert len(answered) > 20
    for name in answered:
        requests = [each for each in served.entries_of(name) if each["event"] == "request"]
        assert len(requests) == 1, name
    # One more asked whether the server is up.
    requests = [each for each in served.entries if each["event"] == "request"]
    assert len(requests) == len(answered) + 1
    assert [line for line in served.lines if "\x1b" in line or "private" in line] == []


def test_what_breaks_is_written_down_with_its_trace_and_its_request(served: Served) -> None:
    (error,) = [each for each in served.entries_of("a spoilt till") if each["event"] != "request"]

    assert (error["event"], error["level"]) == ("unexpected", "error")
    assert error["exception"].startswith("Traceback (most recent call last):\n")
    assert "ValueError" in error["exception"]
    assert "app/services/devices.py" in error["exception"]


def test_a_database_that_fails_is_written_down_without_what_was_asked(served: Served) -> None:
    (error, line) = served.entries_of("a lost table")

    assert (error["event"], error["level"], error["error"]) == (
        "database",
        "error",
        "OperationalError",
    )
    assert (line["event"], line["status"], line["route"]) == ("request", 503, "/card/<token>")
    assert "x" * 43 not in "\n".join(served.lines)


def test_no_debugger_answers_even_where_debugging_is_on(served: Served) -> None:
    answer = served.answers["a spoilt till"]

    assert answer.startswith(b"HTTP/1.1 500 ")
    for word in (b"Traceback", b"ValueError", b"yesterday", b"devices.py", b"debugger", b"forged"):
        assert word not in answer, word
    assert b"/nothing-here" not in served.answers["nothing"]


def test_it_writes_no_file_but_its_key(served: Served) -> None:
    assert served.left == ["data/secret_key"]


def test_a_debugger_is_not_there_to_be_asked(sqlite: Database, tmp_path: Path) -> None:
    with serving(sqlite, tmp_path, FLASK_DEBUG="1") as (port, _):
        for path in (
            "/console",
            "/?__debugger__=yes&cmd=resource&f=debugger.js",
            "/nothing-here?__debugger__=yes&cmd=resource&f=debugger.js",
            "/nothing-here?__debugger__=yes&cmd=pinauth&s=x",
        ):
            answer = said(
                port,
                f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode(),
            )
            assert answer.split(b" ")[1] in {b"404", b"302"}, path
            assert b"openShell" not in answer, path
            assert b"EVALEX" not in answer, path


def test_a_worker_that_fails_writes_it_down_and_goes_on(
    sqlite: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = create_app(make_settings(sqlite, tmp_path), sqlite)
    with sqlite.writing() as session:
        session.execute(text("ALTER TABLE workspaces RENAME TO lost"))
    worker: Worker = app.extensions["regulars.make_worker"](sqlite)
    worker.start()
    written, ends_at = "", monotonic() + PATIENCE_SECONDS
    while written.count("\n") < 2 and monotonic() < ends_at:
        sleep(0.05)
        written += capsys.readouterr().out
    worker.stop()

    first, second, *_ = [json.loads(line) for line in written.splitlines()]
    for entry in (first, second):
        assert (entry["event"], entry["level"]) == ("worker", "error")
        assert "no such table: workspaces" in entry["exception"]
