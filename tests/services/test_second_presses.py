"""Ending a thing twice changes nothing; a thing that was never there is not found."""

from __future__ import annotations

import pytest

from app import ids
from app.errors import NotFound
from app.services.staff import passkeys, people
from app.services.webhooks import endpoints
from tests import factories
from tests.cast import Cast
from tests.support import records


def test_a_passkey_is_removed_once_and_only_by_its_owner(cast: Cast) -> None:
    passkey = factories.add_passkey(cast, cast.manager)
    for _press in range(2):
        with cast.database.writing() as session:
            passkeys.remove(
                session,
                staff_id=cast.manager.id or "",
                passkey_id=passkey.id,
                by=cast.manager,
            )

    for staff_id, passkey_id in ((cast.owner.id, passkey.id), (cast.manager.id, "pky_unknown")):
        with pytest.raises(NotFound), cast.database.writing() as session:
            passkeys.remove(
                session, staff_id=staff_id or "", passkey_id=passkey_id, by=cast.manager
            )
    assert len(records.audit_of(cast, "staff.remove_passkey", live=True)) == 1


def test_a_sign_in_ends_once_and_only_for_its_owner(cast: Cast) -> None:
    with cast.database.writing() as session:
        token = ids.token_hash(factories.sign_in(session, "manager").token)

    def end(staff_id: str | None, token_hash: str) -> bool:
        with cast.database.writing() as session:
            return people.revoke_session(
                session, staff_id=staff_id or "", token_hash=token_hash, by=cast.manager
            )

    for staff_id, token_hash in ((cast.owner.id, token), (cast.manager.id, "unknown")):
        with pytest.raises(NotFound):
            end(staff_id, token_hash)
    assert [end(cast.manager.id, token), end(cast.manager.id, token)] == [True, False]


def test_a_deleted_endpoint_is_known_in_its_workspace(cast: Cast) -> None:
    endpoint = factories.make_endpoint(cast)

    def was_deleted(workspace_id: str, endpoint_id: str) -> bool:
        with cast.database.reading() as session:
            return endpoints.was_deleted(
                session, workspace_id=workspace_id, endpoint_id=endpoint_id
            )

    assert not was_deleted(cast.workspace_id, endpoint.id)
    with cast.database.writing() as session:
        endpoints.delete_endpoint(
            session, workspace_id=cast.workspace_id, endpoint_id=endpoint.id, by=cast.manager
        )

    assert was_deleted(cast.workspace_id, endpoint.id)
    assert not was_deleted(cast.live_workspace_id, endpoint.id)
    assert not was_deleted(cast.workspace_id, "we_unknown")
