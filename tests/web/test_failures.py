"""What a page says when something breaks: that nothing was changed only where that is known."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.pages import Page, Visitor

NOTHING = "othing was changed"


def broken(*_arguments: object, **_named: object) -> None:
    raise ZeroDivisionError


def unanswered(*_arguments: object, **_named: object) -> None:
    raise OperationalError("COMMIT", {}, Exception("server closed the connection"))


def award(visitor: Visitor, member_id: str) -> Page:
    return visitor.send(f"/members/{member_id}/award", points="50", reason="x")


@pytest.mark.parametrize(("fault", "status"), [(broken, 500), (unanswered, 503)])
def test_what_breaks_before_the_commit_has_changed_nothing(
    cast: Cast, manager: Visitor, monkeypatch: pytest.MonkeyPatch, fault: Any, status: int
) -> None:
    member = factories.enrol(cast)
    monkeypatch.setattr("app.services.ledger.acts.award", fault)

    answer = award(manager, member.id)

    assert answer.status == status
    assert NOTHING in answer.text
    assert factories.reload(cast, member).balance == 0


@pytest.mark.parametrize(("fault", "status"), [(broken, 500), (unanswered, 503)])
def test_what_breaks_after_the_commit_may_have_been_saved(
    cast: Cast, manager: Visitor, monkeypatch: pytest.MonkeyPatch, fault: Any, status: int
) -> None:
    member = factories.enrol(cast)
    monkeypatch.setattr("app.web.ledger.routes.say", fault)

    answer = award(manager, member.id)

    assert answer.status == status
    assert NOTHING not in answer.text
    assert "Not saved" not in answer.text
    assert "may have been saved" in answer.text
    assert factories.reload(cast, member).balance == 50
    # The next request begins afresh.
    monkeypatch.setattr("app.services.members.enrolment.get_member", fault)
    assert NOTHING in manager.get(f"/members/{member.id}").text


def test_a_commit_without_an_answer_may_have_been_saved(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    form = manager.get(f"/members/{member.id}/award").fields()
    engine = cast.database.engine
    event.listen(engine, "commit", unanswered)
    try:
        answer = manager.post(
            f"/members/{member.id}/award", {**form, "points": "50", "reason": "x"}
        )
    finally:
        event.remove(engine, "commit", unanswered)

    assert answer.status == 503
    assert NOTHING not in answer.text


@pytest.mark.parametrize(("fault", "status"), [(broken, 500), (unanswered, 503)])
def test_programs_are_told_the_same(
    cast: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch, fault: Any, status: int
) -> None:
    member = factories.enrol(cast)
    api = Program(app, make_secret(cast))
    body = {"accountId": member.id, "points": 50, "reason": "x"}
    monkeypatch.setattr("app.api.idempotent._replay", fault)
    after = api.post("/loyalty/points/award", body)
    monkeypatch.setattr("app.services.ledger.acts.award", fault)
    before = api.post("/loyalty/points/award", body)

    assert (after.status, before.status) == (status, status)
    assert NOTHING not in after.text
    assert "may have been saved" in after.text
    assert NOTHING in before.text
    assert factories.reload(cast, member).balance == 50
