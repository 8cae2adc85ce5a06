"""The database goes away: every answer is a 503 that says so, and all works once it is back."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest import mock

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from app.db import statements
from app.db.database import Database
from app.db.engines import CONNECTIONS_MOST
from app.http.failures import RETRY_SECONDS
from app.http.requests import CONTENT_SECURITY_POLICY
from app.ids import new_token
from app.web.audit import routes as audit
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.databases import unreachable
from tests.support.pages import Visitor, check_html
from tests.support.shops import shop_in
from tests.web.test_route_walk import Cell, Walker, ask, cells, make_things, sign_in, sign_in_of

WAYS: tuple[Mapping[str, str], ...] = (
    {},
    {"HX-Request": "true", "HX-Target": "main"},
    {"HX-Request": "true", "HX-Target": "dialog"},
    {"HX-Request": "true", "HX-Target": "ledger-award-form"},
    {"HX-Request": "true", "HX-Target": "members-results"},
    {"HX-Request": "true", "HX-Target": "counter-stage"},
)
"""How a browser asks: for a page, by a link, for a dialog, a form, a list and the counter."""


@pytest.fixture
def cast(database: Database) -> Cast:
    """Give the shop, on each kind of database in turn."""
    return shop_in(database)


def check_told(answer: TestResponse, asked: object) -> None:
    """Check that an answer says that the database did not answer, with all that it needs.

    At a COMMIT nobody knows whether it counted, and the sentence is another one.
    """
    text = answer.get_data(as_text=True)
    assert answer.status_code == 503, (asked, answer.status_code, text)
    assert answer.headers["Retry-After"] == str(RETRY_SECONDS), asked
    check_headers(answer, asked)
    assert "database did not answer" in text or "this may have been saved" in text, asked
    assert answer.mimetype == "text/html", asked
    if answer.request.headers.get("HX-Target") != "counter-stage":
        # The counter puts the sentence into a line of its own.
        check_html(text)


def check_headers(answer: TestResponse, asked: object) -> None:
    """Check what every answer carries."""
    assert answer.headers["X-Request-Id"].startswith("req_"), asked
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, asked
    assert answer.headers["X-Content-Type-Options"] == "nosniff", asked
    assert "Traceback" not in answer.get_data(as_text=True), asked


def test_every_page_and_act_says_that_the_database_does_not_answer(cast: Cast, app: Flask) -> None:
    things, visitor = _signed_in(cast, app)
    walk = cells(app)
    forms = {**visitor.form, "offer": f"{things['reward_id']} 10"}

    with unreachable(cast.database):
        for cell in walk:
            for headers in WAYS:
                form = {**forms, "once": new_token()}
                answer = _send(visitor, app, cell, things, form=form, headers=headers)
                if cell.permission is not None:
                    check_told(answer, (cell.endpoint, cell.method, headers))
                # Some of the public routes need no database, and those of a till lead away.
                assert answer.status_code < 500 or answer.status_code == 503, cell.endpoint
                check_headers(answer, (cell.endpoint, cell.method, headers))
                answer.close()
        for path, status in (("/nothing", 404), ("/static/nothing.css", 404), ("/healthz", 503)):
            answer = visitor.client.get(path)
            assert answer.status_code == status
            check_headers(answer, path)
        wrong_method = visitor.client.put("/members")
        assert wrong_method.status_code == 405
        check_headers(wrong_method, "PUT")

    # One request may find out that its connection is gone.
    visitor.client.get("/")
    for cell in walk:
        if cell.method == "GET":
            assert ask(visitor, app, cell, things).status < 500, cell.endpoint
    assert visitor.get(f"/members/{things['member_id']}").status == 200


def test_a_database_that_goes_away_within_a_page_is_told_as_well(cast: Cast, app: Flask) -> None:
    things, visitor = _signed_in(cast, app)
    walk = [cell for cell in cells(app) if cell.method == "GET" and cell.permission is not None]

    # To end PostgreSQL's connections takes a while, and its pages are the same.
    walk = walk if cast.database.is_sqlite else walk[::8]
    step_count = 0
    for cell in walk:
        step_count += len(list(_steps(cast, partial(_send, visitor, app, cell, things))))
    assert step_count > 4 * len(walk)


def test_a_database_that_goes_away_within_an_act_is_told_as_well(cast: Cast, app: Flask) -> None:
    things, visitor = _signed_in(cast, app)
    member, reward = things["member_id"], things["reward_id"]
    acts: dict[str, dict[str, str]] = {
        f"/members/{member}/award": {"points": "7", "reason": "Purchase"},
        f"/members/{member}/adjust": {"points": "-1", "reason": "Correction"},
        f"/members/{member}/redeem": {"offer": f"{reward} 10"},
        f"/members/{member}/edit": {"name": "Hana Nováková"},
        f"/rewards/{reward}/edit": {"name": "Any cold drink"},
        f"/programs/{cast.program_id}/edit": {"name": "Harbour Friends"},
        "/members/new": {"name": "Ngozi Okafor"},
        "/staff/invite": {"email": "rosa@example.com", "name": "Rosa Lima", "role": "cashier"},
        "/mode": {"mode": "sandbox"},
    }
    for path, typed in acts.items():
        fields = {**visitor.get("/you" if path == "/mode" else path).fields(path), **typed}
        steps = list(_steps(cast, partial(visitor.client.post, path, data=fields)))
        assert len(steps) > 3, path
    assert factories.verify(cast).fault is None


def test_an_export_begins_only_with_a_database_that_answers(
    cast: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlimited = dataclasses.replace(vars(audit.export)["access"], rate=None)
    monkeypatch.setitem(vars(audit.export), "access", unlimited)
    _, visitor = _signed_in(cast, app)

    def export() -> TestResponse:
        return visitor.client.get("/audit/export")

    assert len(list(_steps(cast, export))) > 3


def test_a_database_without_a_free_connection_is_told_as_well(
    cast: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Visitor(app).sign_in("owner")
    engine = cast.database.engine
    monkeypatch.setattr(engine.pool, "_timeout", 0.01)

    with ExitStack() as taken:
        for _ in range(CONNECTIONS_MOST):
            taken.enter_context(engine.connect())
        check_told(visitor.client.get("/members"), "/members")

    assert visitor.get("/members").status == 200


def test_a_program_is_told_as_well(cast: Cast, app: Flask) -> None:
    program = Program(app, make_secret(cast))

    with unreachable(cast.database):
        told = program.get("/events")

    assert (told.status, told.response.headers["Retry-After"]) == (503, str(RETRY_SECONDS))
    assert told.body["error"]["requestId"] == told.response.headers["X-Request-Id"]


def _signed_in(cast: Cast, app: Flask) -> tuple[dict[str, str], Walker]:
    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    return things, visitor


def _send(
    visitor: Walker,
    app: Flask,
    cell: Cell,
    things: dict[str, str],
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> TestResponse:
    path = cell.path(app, things)
    if cell.method == "GET":
        return visitor.client.get(path, headers=headers)
    return visitor.client.post(path, data=form, headers=headers)


def _steps(cast: Cast, send: Any) -> Iterator[int]:
    """Send a request again and again, the database going away one step later each time.

    A step is a statement, several that are sent together, or a COMMIT.
    """
    at = 1
    while True:
        with goes_away(cast.database, at) as is_gone:
            answer = send()
            answer.get_data()
        if answer.status_code < 400:
            # PostgreSQL may have committed with the step before, and has no more to say.
            is_over = is_gone() and not cast.database.is_sqlite
            assert is_over or not is_gone(), (answer.request.path, at)
            return
        check_told(answer, (answer.request.path, at))
        yield at
        at += 1


@contextmanager
def goes_away(database: Database, at: int) -> Iterator[Any]:
    """Take a database away before the step of that number, and give whether it came to it."""
    lost = ExitStack()
    count, send = 0, statements.send

    def step(*_given: Any) -> None:
        nonlocal count
        count += 1
        if count < at:
            return
        if database.is_sqlite:
            raise OperationalError(None, None, sqlite3.OperationalError("disk I/O error"))
        if count == at:
            lost.enter_context(unreachable(database))

    def send_late(*given: Any, **more: Any) -> Any:
        step()
        return send(*given, **more)

    names = ("before_cursor_execute", "commit")
    for name in names:
        event.listen(database.engine, name, step)
    try:
        with lost, mock.patch.object(statements, "send", send_late):
            yield lambda: count >= at
    finally:
        for name in names:
            event.remove(database.engine, name, step)
        # The next request shall not be the one that finds out.
        database.engine.dispose()
