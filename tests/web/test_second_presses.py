"""What is gone was ended by an earlier press, or was never there: the answer tells them apart."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from app.ids import new_token
from app.services import workspaces
from app.services.api_keys import keys
from app.services.members import cards
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.pages import Visitor
from tests.support.payments import make_source
from tests.web.test_route_walk import sign_in_of


def _key(cast: Cast) -> str:
    make_secret(cast)
    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        return f"/developers/keys/{keys.list_keys(session, workspace=workspace)[0].id}/revoke"


def _link(cast: Cast) -> str:
    member = factories.enrol(cast)
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        cards.make_link(session, workspace=workspace, member_id=member.id, by=cast.manager)
    return f"/members/{member.id}/card/revoke"


ENDS: dict[str, tuple[Callable[[Cast], str], str, str]] = {
    "a webhook endpoint": (
        lambda cast: f"/developers/webhooks/{factories.make_endpoint(cast).id}/delete",
        "The endpoint is deleted.",
        "The endpoint is deleted.",
    ),
    "a passkey": (
        lambda cast: f"/you/passkeys/{factories.add_passkey(cast, cast.owner).id}/remove",
        "The passkey is removed.",
        "The passkey is removed.",
    ),
    "a sign-in": (
        lambda cast: f"/you/sign-ins/{sign_in_of(cast, 'owner')}/revoke",
        "That sign-in has ended.",
        "This sign-in has ended already.",
    ),
    "an API key": (_key, "is revoked.", "is revoked."),
    "an invitation": (
        lambda cast: f"/staff/invites/{factories.invite(cast, 'x@example.com').invite.id}/revoke",
        "The invitation is revoked.",
        "The invitation is revoked.",
    ),
    "a till": (
        lambda cast: f"/devices/{factories.register_till(cast).device.id}/revoke",
        "is no till any more",
        "is no till any more",
    ),
    "a shop": (lambda cast: f"/locations/{cast.location_id}/close", "is closed.", "is closed."),
    "a source of payments": (
        lambda cast: f"/developers/payments/{make_source(cast).id}/disable",
        "Off.",
        "Off.",
    ),
    "a card's link": (_link, "opens nothing any more", "opens nothing any more"),
    "a colleague": (lambda cast: f"/staff/{cast.cashier.id}/disable", "is out.", "is out."),
}


@pytest.mark.parametrize(("make", "first", "second"), ENDS.values(), ids=ENDS.keys())
def test_two_presses_are_told_what_they_did(
    cast: Cast, app: Flask, make: Callable[[Cast], str], first: str, second: str
) -> None:
    # The sign-in that is ended is not the one that ends it.
    Visitor(app).sign_in("owner")
    path = make(cast)
    owner = Visitor(app).sign_in("owner")
    form = owner.get("/you").fields("/sign-out")

    for said in (first, second):
        pressed = owner.post(path, form)
        assert pressed.status == 303
        assert said in owner.get(pressed.location).text

    # Another form, of another tab, as well.
    other = owner.post(path, {**form, "once": new_token()})
    assert other.status == 303
    assert second in owner.get(other.location).text
