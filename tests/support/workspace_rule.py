"""The rule that every statement on a workspace's table names the workspace, checked in every test.

A pytest plugin. It hears the statements of all databases and threads of the process: those that
pass SQLAlchemy's events, and those of `app.db.statements`, which do not. Each text is judged once.
A test that makes the product send a statement without the workspace fails. A run of the whole suite
also fails if it sent no statement on one of the tables.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import Engine, Table, event
from sqlalchemy.engine import Connection

from app.db import bulk, statements
from app.db.statements import Call, Row
from app.models.registry import WORKSPACE_TABLES

EXEMPT = {
    "app/migrations": "A migration changes the rows of all workspaces.",
    "bench": "A benchmark fills tables and reads what it filled.",
    "tests": "A test reads a table, or tampers with it, to see what the product does.",
}
"""The folders whose code may send such statements itself, each with the reason."""

ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).name
_WORD = re.compile(r"\w+")
_INSERT = re.compile(r"(?:INSERT INTO|COPY) (\w+) \(([^)]*)\)")
_COMPARED = re.compile(r"\bworkspace_id (?:=|IN) ")
_SENT = "workspace_tables"


def names_the_workspace(sql: str) -> bool:
    """Say whether a statement keeps to the rule.

    An INSERT gives the column a value; any other statement compares it with one. A column that is
    merely read narrows nothing. ANALYZE counts the rows of a table and returns none.
    """
    if sql.startswith("ANALYZE"):
        return True
    insert = _INSERT.match(sql)
    if insert and insert[1] in WORKSPACE_TABLES:
        return "workspace_id" in _WORD.findall(insert[2])
    if WORKSPACE_TABLES.isdisjoint(_WORD.findall(sql)):
        return True
    return _COMPARED.search(sql.partition("WHERE")[2]) is not None


class Hearing:
    """What was heard so far.

    Attributes:
        tables: the workspaces' tables of the product's statements.
    """

    def __init__(self) -> None:
        self.tables: set[str] = set()
        self._keeps_to_rule: dict[str, bool] = {}
        self._faults: list[str] = []

    def hear(self, sql: str, *, is_prepared: bool) -> None:
        """Judge a statement.

        Args:
            is_prepared: whether it comes from `app.db.statements`, which only the product calls,
                and which may send it long after the call.
        """
        keeps_to_rule = self._keeps_to_rule.get(sql)
        if keeps_to_rule is None:
            keeps_to_rule = self._keeps_to_rule[sql] = names_the_workspace(sql)
            if is_prepared or not _is_exempt(sys._getframe()):
                self.tables |= WORKSPACE_TABLES.intersection(_WORD.findall(sql))
        if not keeps_to_rule and (is_prepared or not _is_exempt(sys._getframe())):
            self._faults.append(sql)

    def take_faults(self) -> list[str]:
        """Return the statements that broke the rule since the last call."""
        faults, self._faults = self._faults, []
        return faults


def _is_exempt(frame: FrameType | None) -> bool:
    """Say whether the innermost code of the project that is running lies in an exempt folder.

    What a session flushes was added to it by whoever, so that it is never exempt.
    """
    while frame is not None:
        code, frame = frame.f_code, frame.f_back
        path = Path(code.co_filename)
        if code.co_name == "flush" and path.parts[-2:] == ("orm", "session.py"):
            return False
        if path.name != _HERE and path.is_relative_to(ROOT) and ".venv" not in path.parts:
            sender = path.relative_to(ROOT)
            return any(sender.is_relative_to(folder) for folder in EXEMPT)
    return False


HEARING = Hearing()


@pytest.fixture(scope="session", autouse=True)
def statements_are_judged() -> Iterator[None]:
    """Hear every statement that reaches a database."""
    send, bulk_sql = statements.send, bulk.bulk_sql

    def hear(_connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        HEARING.hear(sql, is_prepared=False)

    def send_heard(
        connection: Connection, calls: Sequence[Call], *, and_commit: bool = False
    ) -> list[list[Row]]:
        for call in calls:
            sql = call.statement.compiled_for(connection.dialect).sql
            HEARING.hear(sql, is_prepared=True)
        return send(connection, calls, and_commit=and_commit)

    def bulk_sql_heard(table: Table, dialect_name: str) -> str:
        sql = bulk_sql(table, dialect_name)
        HEARING.hear(sql, is_prepared=True)
        return sql

    event.listen(Engine, "before_cursor_execute", hear)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "send", send_heard)
        patch.setattr(bulk, "bulk_sql", bulk_sql_heard)
        yield
    event.remove(Engine, "before_cursor_execute", hear)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Fail a test whose set-up or call sent a statement without the workspace."""
    result = yield
    faults = HEARING.take_faults()
    if faults:
        pytest.fail("without the workspace: " + "\n".join(faults), pytrace=False)
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of a parallel run heard."""
    HEARING.tables.update(getattr(node, "workeroutput", {}).get(_SENT, ()))


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand over what was heard, or fail a run of the whole suite that did not hear of a table."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_SENT] = sorted(HEARING.tables)
    elif _ran_everything(session) and HEARING.tables < WORKSPACE_TABLES:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the tables that a run of the whole suite did not hear of."""
    unheard = WORKSPACE_TABLES - HEARING.tables
    session = terminalreporter._session
    if unheard and session is not None and _ran_everything(session):
        terminalreporter.write_line(
            f"no statement was sent on {', '.join(sorted(unheard))}", red=True
        )


def _ran_everything(session: pytest.Session) -> bool:
    option = session.config.option
    is_part = option.file_or_dir or option.keyword or option.markexpr or option.collectonly
    return not is_part and not session.testsfailed and session.testscollected > 0
