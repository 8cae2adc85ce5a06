"""A backup of a shop that is at work, and the shop that comes back from it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from app.db.database import Database
from app.factory import create_app
from scripts.test_servers import find_postgres
from tests import factories
from tests.cast import Cast
from tests.support.postgres import Server
from tests.support.settings import make_settings


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the client programs of the server that the tests run: an older one refuses it."""
    folder = find_postgres()
    assert folder is not None
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def cli_of(database: Database, folder: Path) -> FlaskCliRunner:
    return create_app(make_settings(database, folder), database).test_cli_runner()


@pytest.fixture
def empty(cast: Cast, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a database of the same kind in which there is nothing."""
    if cast.database.is_sqlite:
        url = f"sqlite:///{tmp_path / 'new' / 'regulars.db'}"
        database = Database(url)
        yield database
        database.engine.dispose()
        return
    server: Server = request.getfixturevalue("postgres_server")
    server.create_database("restored")
    database = Database(server.url("restored"))
    yield database
    database.engine.dispose()
    server.drop_database("restored")


def heads_in(output: str) -> list[str]:
    found = re.findall(r"^ws_.* heads [0-9a-f]{64}$", output, re.MULTILINE)
    assert len(found) == 2
    return found


def test_a_shop_at_work_comes_back_whole(cast: Cast, empty: Database, tmp_path: Path) -> None:
    members = [factories.enrol(cast, f"Member {number}") for number in range(8)]
    file, is_over = tmp_path / "shop.backup", threading.Event()

    def work(number: int) -> None:
        while not is_over.is_set():
            factories.award(cast, members[number], 1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        saved = cli_of(cast.database, tmp_path).invoke(args=["backup", str(file)])
    finally:
        is_over.set()
        for thread in threads:
            thread.join()

    assert saved.exit_code == 0, saved.output
    assert file.stat().st_mode & 0o777 == 0o600
    cli = cli_of(empty, tmp_path / "other")
    restored = cli.invoke(args=["restore", str(file)])
    assert restored.exit_code == 0, restored.output
    assert heads_in(restored.output) == heads_in(saved.output)
    assert heads_in(cli.invoke(args=["ledger", "heads"]).output) == heads_in(saved.output)
    checked = cli.invoke(args=["ledger", "verify"])
    assert checked.exit_code == 0, checked.output
    assert checked.output.count("all fit.") == 2
    assert sorted(path.name for path in tmp_path.glob("shop*")) == ["shop.backup"]


def test_heads_tell_two_ledgers_apart(cast: Cast, tmp_path: Path) -> None:
    cli, member = cli_of(cast.database, tmp_path), factories.enrol(cast)
    told = [cli.invoke(args=["ledger", "heads"]).output]
    factories.award(cast, member, 1)
    told.append(cli.invoke(args=["ledger", "heads"]).output)
    assert heads_in(told[0]) != heads_in(told[1])
    assert "1 entries of 1 members" in told[1]


def test_the_name_of_a_file_is_no_command(
    cast: Cast, empty: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    name = "a; touch b & touch c | touch d $(touch e) `touch f` > g\n touch h 'i\" %n {0}.backup"

    for each, act in ((cast.database, "backup"), (empty, "restore")):
        done = cli_of(each, tmp_path / "data").invoke(args=[act, name])
        assert done.exit_code == 0, done.output

    assert [path.name for path in folder.iterdir()] == [name]


def test_nothing_is_written_over(cast: Cast, tmp_path: Path) -> None:
    cli, file = cli_of(cast.database, tmp_path), tmp_path / "shop.backup"
    file.write_text("mine")
    refused = cli.invoke(args=["backup", str(file)])
    assert refused.exit_code == 1
    assert "is there already" in refused.output
    assert file.read_text() == "mine"

    other = tmp_path / "other.backup"
    assert cli.invoke(args=["backup", str(other)]).exit_code == 0
    refused = cli.invoke(args=["restore", str(other)])
    assert refused.exit_code == 1
    assert "already" in refused.output or "not empty" in refused.output
    assert factories.verify(cast).fault is None


def test_what_is_no_backup_is_refused(empty: Database, tmp_path: Path) -> None:
    file = tmp_path / "shop.backup"
    file.write_text("no backup")
    refused = cli_of(empty, tmp_path).invoke(args=["restore", str(file)])
    assert refused.exit_code == 1
    assert "is no backup of a" in refused.output


def test_a_missing_program_is_named(
    postgres: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = cli_of(postgres, tmp_path).invoke(args=["backup", str(tmp_path / "x.backup")])
    assert refused.exit_code == 1
    assert "pg_dump is not there" in refused.output
    assert list(tmp_path.glob("x.backup*")) == []
