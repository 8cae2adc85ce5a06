"""What goes wrong at the command line is told in a sentence."""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

import pytest
from click import ClickException
from flask.testing import FlaskCliRunner

from app.cli.serve import BODY_BYTES_MAX, _bound
from app.db.database import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.cli.test_backup import cli_of, empty
from tests.cli.test_watching import (
    PATIENCE_SECONDS,
    environment,
    fetched,
    free_port,
    running,
)
from tests.support.settings import make_settings

__all__ = ["empty"]


def told(cli: FlaskCliRunner, *words: str) -> str:
    answer = cli.invoke(args=list(words))
    assert answer.exit_code == 1, answer.output
    assert isinstance(answer.exception, SystemExit), answer.exception
    return answer.output


def test_a_database_without_tables_is_told_and_may_still_be_restored_into(
    cast: Cast, empty: Database, tmp_path: Path
) -> None:
    cli, file = cli_of(empty, tmp_path), tmp_path / "shop.backup"
    assert cli_of(cast.database, tmp_path).invoke(args=["backup", str(file)]).exit_code == 0

    for words in (
        ("merchants", "list"),
        ("ledger", "verify"),
        ("ledger", "heads"),
        ("keys", "create", "--workspace", "sandbox", "--name", "Till"),
        ("backup", str(tmp_path / "another")),
    ):
        assert "no tables yet. Run: flask --app wsgi db upgrade" in told(cli, *words), words
    restored = cli.invoke(args=["restore", str(file)])

    assert restored.exit_code == 0, restored.output


def test_an_app_that_is_only_asked_for_help_makes_no_database(tmp_path: Path) -> None:
    path = tmp_path / "new" / "regulars.db"
    database = Database(f"sqlite:///{path}")

    assert cli_of(database, tmp_path).invoke(args=["merchants", "--help"]).exit_code == 0

    assert not path.parent.exists()


def test_a_folder_that_is_not_there_is_named(sqlite_cast: Cast, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "shop.backup"

    assert "nowhere" in told(cli_of(sqlite_cast.database, tmp_path), "backup", str(file))


def test_half_a_backup_is_no_backup(sqlite: Database, tmp_path: Path) -> None:
    factories.make_cast(sqlite)
    file = tmp_path / "shop.backup"
    cli_of(sqlite, tmp_path).invoke(args=["backup", str(file)])
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    other = Database(f"sqlite:///{tmp_path / 'other.db'}")

    words = told(cli_of(other, tmp_path), "restore", str(file))

    assert "no whole database" in words or "damaged" in words
    assert not (tmp_path / "other.db").exists()


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    database = Database(f"postgresql+psycopg://nobody@/nothing?host={tmp_path}")
    cli = create_app(make_settings(database, tmp_path), database).test_cli_runner()

    assert "The database does not answer: " in told(cli, "merchants", "list")


def test_a_second_server_ends_before_it_touches_anything(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        database = Database(f"sqlite:///{tmp_path / 'regulars.db'}")
        with running(["serve", "--port", str(port)], environment(database, tmp_path)) as process:
            said, _ = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert f"Port {port} is taken" in said
    assert "Traceback" not in said
    assert not (tmp_path / "regulars.db").exists()


def test_a_backup_of_a_database_that_is_not_there_says_so(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'mistyped.db'}")

    said = told(cli_of(database, tmp_path), "backup", str(tmp_path / "shop.backup"))

    assert "The database cannot be read or written: unable to open database file" in said


def test_a_name_of_a_host_is_looked_up() -> None:
    with _bound("localhost", 0) as taken:
        assert taken.getsockname()[0] in {"127.0.0.1", "::1"}
    with pytest.raises(ClickException, match=r"nowhere\.invalid, port 80"):
        _bound("nowhere.invalid", 80)


@pytest.mark.parametrize("size", [BODY_BYTES_MAX + 1, 10**12])
def test_a_body_that_is_far_too_large_is_not_even_read(
    sqlite_cast: Cast, tmp_path: Path, size: int
) -> None:
    port = free_port()
    environ = environment(sqlite_cast.database, tmp_path)
    with running(["serve", "--only-web", "--port", str(port)], environ):
        fetched(port, "/healthz")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        connection.putrequest("POST", "/v1/loyalty/points/award")
        connection.putheader("Content-Length", str(size))
        connection.endheaders(b"{")
        answer = connection.getresponse()
        connection.close()

    assert answer.status == 413
