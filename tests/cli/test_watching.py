"""What Prometheus is told, by a real process on a port of its own."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep

from flask.testing import FlaskCliRunner
from sqlalchemy import text

from app import clock
from app.db.database import Database
from tests import factories
from tests.cast import Cast
from tests.support.receivers import receiving, status
from tests.support.tampering import drop_triggers
from tests.support.webhooks import subscribe

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "docs" / "running" / "alerts.yml"
PATIENCE_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def environment(database: Database, folder: Path, **more: str) -> dict[str, str]:
    """Give what a process of the product needs, and nothing of this one's."""
    return {
        "DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "REGULARS_DATA": str(folder),
        "REGULARS_WEBHOOKS_ALLOW_PRIVATE": "1",
        "PATH": "",
        **more,
    }


@contextmanager
def running(words: list[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - the product's own words
        [sys.executable, "-m", "flask", "--app", "wsgi", *words],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_SECONDS)
        finally:
            process.kill()
            process.communicate()


def fetched(port: int, path: str = "/metrics") -> str:
    """Ask until something answers."""
    ends_at = monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(OSError):
            address = f"http://127.0.0.1:{port}{path}"
            with urllib.request.urlopen(address, timeout=5) as answer:
                return str(answer.read().decode())
        assert monotonic() < ends_at, f"port {port} does not answer"
        sleep(0.1)


def value(metrics: str, name: str, *labels: str) -> float:
    """Give the value of the one series that has a name and labels."""
    found = [
        line
        for line in metrics.splitlines()
        if re.match(rf"{name}[{{ ]", line) and all(label in line for label in labels)
    ]
    assert len(found) == 1, (name, labels, found)
    return float(found[0].rpartition(" ")[2])


def test_a_web_process_tells_what_it_answered_and_what_waits(cast: Cast, tmp_path: Path) -> None:
    web, metrics_port = free_port(), free_port()
    with clock.set_to(clock.now() - timedelta(minutes=5)):
        factories.enrol(cast)
    environ = environment(cast.database, tmp_path, REGULARS_METRICS=str(metrics_port))
    with running(["serve", "--only-web", "--port", str(web)], environ):
        for _ in range(3):
            fetched(web, "/healthz")
        metrics = fetched(metrics_port)

    assert value(metrics, "regulars_http_requests_total", 'route="/healthz"', 'status="200"') == 3
    assert value(metrics, "regulars_http_request_seconds_count", 'route="/healthz"') == 3
    assert value(metrics, "regulars_database_up") == 1
    workspace = f'workspace="{cast.workspace_id}"'
    assert 300 <= value(metrics, "regulars_outbox_age_seconds", workspace) < 400
    assert value(metrics, "regulars_database_connections", 'state="idle"') >= 1
    assert value(metrics, "process_resident_memory_bytes") > 10_000_000


def test_a_worker_counts_its_attempts(cast: Cast, tmp_path: Path) -> None:
    port = free_port()
    environ = environment(cast.database, tmp_path, REGULARS_METRICS=f"127.0.0.1:{port}")
    with ExitStack() as stack:
        good = stack.enter_context(receiving(status(200)))
        bad = stack.enter_context(receiving(status(500)))
        for receiver in (good, bad):
            subscribe(cast, receiver)
        factories.enrol(cast)
        stack.enter_context(running(["worker"], environ))
        ends_at = monotonic() + PATIENCE_SECONDS
        while not (good.ids and bad.ids):
            assert monotonic() < ends_at
            sleep(0.1)
        sleep(0.5)
        metrics = fetched(port)

    assert value(metrics, "regulars_webhook_attempts_total", 'outcome="delivered"') == 1
    assert value(metrics, "regulars_webhook_attempts_total", 'outcome="failed"') == 1
    assert value(metrics, "regulars_outbox_age_seconds", cast.workspace_id) == 0


def test_a_check_that_is_noted_is_told(cast: Cast, cli: FlaskCliRunner, tmp_path: Path) -> None:
    entry = factories.award(cast, factories.enrol(cast), 250)
    assert cli.invoke(args=["ledger", "verify", "--note"]).exit_code == 0
    port = free_port()
    environ = environment(cast.database, tmp_path, REGULARS_METRICS=str(port))
    with running(["worker"], environ):
        good = fetched(port)
        drop_triggers(cast.database)
        with cast.database.writing() as session:
            session.execute(text("UPDATE ledger_entries SET points = 251"))
        checked = cli.invoke(args=["ledger", "verify", "--note"])
        bad = fetched(port)

    assert checked.exit_code == 1
    assert entry.id in checked.output
    at = "regulars_ledger_checked_timestamp_seconds"
    assert value(good, "regulars_ledger_has_fault", cast.workspace_id) == 0
    assert value(good, "regulars_ledger_checked_entries", cast.workspace_id) == 1
    assert value(bad, "regulars_ledger_has_fault", cast.workspace_id) == 1
    assert value(bad, at, cast.workspace_id) > value(good, at, cast.workspace_id)


def test_a_database_that_is_gone_is_told_too(tmp_path: Path, sqlite_cast: Cast) -> None:
    port = free_port()
    gone = environment(sqlite_cast.database, tmp_path, REGULARS_METRICS=str(port))
    gone["DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/nothing"
    with running(["serve", "--only-web", "--port", str(free_port())], gone):
        metrics = fetched(port)

    assert value(metrics, "regulars_database_up") == 0
    assert "regulars_outbox_age_seconds" not in metrics


def test_a_port_that_is_taken_is_refused_in_words(sqlite_cast: Cast, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environ = environment(sqlite_cast.database, tmp_path, REGULARS_METRICS=str(port))
        with running(["worker"], environ) as process:
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert f"Port {port} of REGULARS_METRICS can't be opened" in said
    assert "Traceback" not in said


def test_a_web_process_that_is_told_to_stop_ends_well(sqlite_cast: Cast, tmp_path: Path) -> None:
    port = free_port()
    environ = environment(sqlite_cast.database, tmp_path)
    with running(["serve", "--only-web", "--port", str(port)], environ) as process:
        fetched(port, "/healthz")
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0


def test_the_alerts_ask_for_what_is_told(cast: Cast, cli: FlaskCliRunner, tmp_path: Path) -> None:
    cli.invoke(args=["ledger", "verify", "--note"])
    port = free_port()
    environ = environment(cast.database, tmp_path, REGULARS_METRICS=str(port))
    with running(["worker"], environ):
        metrics = fetched(port)

    told = set(re.findall(r"^# TYPE (\S+)", metrics, re.MULTILINE))
    asked = set(re.findall(r"regulars_[a-z_]+", ALERTS.read_text("utf-8")))
    if cast.database.is_sqlite:
        asked.discard("regulars_database_connections_most")
    asked = {name.removesuffix("_bucket").removesuffix("_total") for name in asked}
    told = {name.removesuffix("_total") for name in told}
    assert asked <= told
    assert len(asked) > 5
