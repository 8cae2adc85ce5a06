"""The Developers pages: keys, the guide, the log of requests."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.models.api_keys import ApiKey
from app.services import workspaces
from app.services.api_keys import keys
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.pages import Page, Visitor


def secret_on(page: Page) -> str:
    """Give the key that a page shows."""
    (field,) = [each for each in page.elements("input") if each.get("id") == "secret"]
    return str(field.get("value"))


def the_keys(cast: Cast) -> list[ApiKey]:
    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        return list(keys.list_keys(session, workspace=workspace))


def test_a_key_is_made_shown_once_and_works(cast: Cast, app: Flask, owner: Visitor) -> None:
    made = owner.send("/developers/keys/new", name="Till server")

    secret = secret_on(made)
    assert secret.startswith("sk_test_")
    assert Program(app, secret).get("/loyalty/programs").status == 200
    listed = owner.get("/developers")
    assert f"sk_test_••••{secret[-4:]}" in listed.text
    assert secret not in listed.response.get_data(as_text=True)


def test_a_form_that_is_sent_twice_makes_one_key(cast: Cast, owner: Visitor) -> None:
    form = {**owner.get("/developers/keys/new").fields(), "name": "Till server"}

    first, again = (owner.post("/developers/keys/new", form) for _ in range(2))

    assert secret_on(first)
    assert "One key was made" in again.text
    assert len(the_keys(cast)) == 1


def test_a_form_that_is_sent_again_with_other_ticks_is_a_conflict(
    cast: Cast, owner: Visitor
) -> None:
    path = "/developers/keys/new"
    form = {**owner.get(path).fields(), "name": "Shop", "reach": "some"}
    owner.post(path, {**form, "scopes": ["accounts:read"]})

    again = owner.post(path, {**form, "scopes": ["accounts:read", "points:write"]})

    assert again.status == 409
    assert "already sent with other details" in again.text
    assert [key.scopes for key in the_keys(cast)] == [["accounts:read"]]


def test_a_restricted_key_has_the_ticked_scopes(cast: Cast, owner: Visitor) -> None:
    ticked = ["points:write", "accounts:read"]

    made = owner.send("/developers/keys/new", name="Shop", reach="some", scopes=ticked)

    assert secret_on(made).startswith("rk_test_")
    assert the_keys(cast)[0].scopes == ["accounts:read", "points:write"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"name": ""}, "What it is for"),
        ({"name": "Shop", "reach": "some"}, "Choose at least one thing"),
        ({"name": "Shop", "reach": "all", "scopes": ["points:read"]}, "You ticked parts"),
        ({"name": "x" * 81}, "What it is for"),
    ],
)
def test_a_wrong_key_form_keeps_what_was_typed(
    cast: Cast, owner: Visitor, typed: dict[str, Any], words: str
) -> None:
    answer = owner.send("/developers/keys/new", **typed)

    assert answer.status in {400, 422}
    assert words in answer.text
    assert answer.value("name") == typed["name"]
    assert the_keys(cast) == []


def test_a_key_is_rolled_with_an_overlap(cast: Cast, app: Flask, owner: Visitor) -> None:
    old = make_secret(cast)
    path = f"/developers/keys/{the_keys(cast)[0].id}/roll"

    new = secret_on(owner.send(path, overlap_hours="1"))

    assert [Program(app, each).get("/events").status for each in (old, new)] == [200, 200]
    assert "Ends " in owner.get("/developers").text


def test_a_revoked_key_is_refused_at_once(cast: Cast, app: Flask, owner: Visitor) -> None:
    secret = make_secret(cast)
    path = f"/developers/keys/{the_keys(cast)[0].id}/revoke"
    assert "can't be undone" in owner.get(path).text

    owner.press(path, path)

    assert Program(app, secret).get("/events").status == 401
    assert "Revoked" in owner.get("/developers").text


def test_a_manager_reads_the_log_and_makes_no_keys(cast: Cast, manager: Visitor) -> None:
    make_secret(cast)
    (key,) = the_keys(cast)

    assert manager.get("/developers").status == 200
    assert "New key" not in manager.get("/developers").text
    for path in ("/keys/new", f"/keys/{key.id}/roll", f"/keys/{key.id}/revoke"):
        assert manager.get(f"/developers{path}").status == 403


def test_the_live_workspace_has_keys_of_its_own(cast: Cast, owner: Visitor) -> None:
    make_secret(cast)
    owner.go_live()

    assert "No keys yet" in owner.get("/developers").text
    assert owner.get(f"/developers/keys/{the_keys(cast)[0].id}/roll").status == 404


def test_the_guide_turns_green_step_by_step(cast: Cast, app: Flask, owner: Visitor) -> None:
    api = Program(app, make_secret(cast))
    assert "0 of 8" in owner.get("/developers/guide").text

    account = api.post(
        "/loyalty/accounts", {"programId": cast.program_id, "customerId": "cust_1"}
    ).body
    award = {"accountId": account["id"], "points": 250, "reason": "purchase"}
    api.post("/loyalty/points/award", award)
    api.get(f"/loyalty/accounts/{account['id']}")
    api.post("/loyalty/redemptions", {"accountId": account["id"], "rewardId": "rwd_none"})
    api.logged()

    page = owner.get("/developers/guide")
    assert "3 of 8" in page.text
    assert "Check the balance , done" in page.text
    assert "Redeem it , done" not in page.text


def test_a_request_and_its_entry_lead_to_each_other(cast: Cast, app: Flask, owner: Visitor) -> None:
    api = Program(app, make_secret(cast))
    member = factories.enrol(cast)
    body = {"accountId": member.id, "points": 250, "reason": "Ngozi's order"}
    entry_id = api.post("/loyalty/points/award", body, key="award-1").body["id"]
    api.post("/loyalty/points/award", body, key="award-1")
    api.post("/loyalty/points/award", {**body, "points": 0})
    api.logged()

    link = f"/developers/entries/{entry_id}"
    page = owner.get(f"/members/{member.id}")
    assert link in page.links()
    assert "Till server" in page.text
    request_path = owner.get(link).location
    shown = owner.get(request_path)
    assert f"/ledger/{entry_id}" in shown.links()
    assert "award-1" in shown.text
    (sent,) = ["".join(pre.itertext()) for pre in shown.elements("pre")]
    assert "•••" in sent
    assert "order" not in sent
    listed = owner.get("/developers/requests").text
    assert "Replayed" in listed
    assert "400 parameter_invalid" in listed
    failed = owner.get("/developers/requests?failed=1").text
    assert "201" not in failed
    by_hand = factories.award(cast, member, 5)
    assert owner.get(f"/developers/entries/{by_hand.id}").status == 404
