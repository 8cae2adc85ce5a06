"""Closing and reopening members: spec sections 3 and 5."""

from __future__ import annotations

import pytest

from app import errors
from app.models.members import Member
from app.rules.actors import Actor
from app.services.members import enrolment
from tests import factories
from tests.cast import Cast
from tests.support import records


def test_a_closed_member_earns_nothing_until_reopened(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 10)

    assert factories.close(cast, member).status == "closed"
    with pytest.raises(errors.MemberClosed, match="can reopen it"):
        factories.award(cast, member, 10)
    assert _reopen(cast, member).status == "active"

    assert factories.award(cast, member, 10).balance_after == 20


def test_closing_keeps_the_balance_and_writes_no_entry(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 10)

    assert factories.close(cast, member).balance == 10
    assert records.points_of(cast, member) == [("award", 10)]


def test_closing_twice_tells_once(cast: Cast) -> None:
    member = factories.enrol(cast)
    factories.close(cast, member)
    factories.close(cast, member)

    assert len(records.events_of(cast, "loyalty.account.updated")) == 1
    (written,) = records.audit_of(cast, "members.close")
    assert (written.before, written.after) == ({"status": "active"}, {"status": "closed"})


def test_a_cashier_neither_closes_nor_reopens(cast: Cast) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.PermissionDenied), cast.database.writing() as session:
        enrolment.close(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.cashier
        )
    with pytest.raises(errors.PermissionDenied):
        _reopen(cast, member, by=cast.cashier)


def test_a_member_of_another_workspace_is_not_found(cast: Cast) -> None:
    member = factories.enrol(cast)

    with pytest.raises(errors.NotFound), cast.database.writing() as session:
        enrolment.close(
            session, workspace_id=cast.live_workspace_id, member_id=member.id, by=cast.owner
        )


def _reopen(cast: Cast, member: Member, by: Actor | None = None) -> Member:
    with cast.database.writing() as session:
        return enrolment.reopen(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=by or cast.manager
        )
