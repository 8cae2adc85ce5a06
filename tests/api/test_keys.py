"""Who may call, and what each key may do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock, errors
from app.models.api_keys import ApiKey
from app.rules.api_keys import SCOPES, secret_hash
from app.services import workspaces
from app.services.api_keys import keys, request_log
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret


def test_a_key_comes_in_either_header(cast: Cast, api: Program) -> None:
    client = api.app.test_client()

    for headers in ({"Authorization": f"bearer {api.secret}"}, {"X-Api-Key": api.secret}):
        assert client.get("/v1/loyalty/programs", headers=headers).status_code == 200
    assert client.get("/v1/loyalty/programs").status_code == 401


def test_a_key_in_the_address_is_refused_even_beside_a_good_one(cast: Cast, api: Program) -> None:
    answer = api.get("/loyalty/programs", key=api.secret)

    assert (answer.status, answer.code, answer.param) == (401, "invalid_api_key", "key")
    assert "Roll that key" in answer.body["error"]["message"]
    for path in (f"/customers/{api.secret}", f"/loyalty/programs?x=Bearer%20{api.secret}"):
        answer = api.get(path)
        assert (answer.status, answer.code) == (401, "invalid_api_key")
        assert "X-RateLimit-Remaining" in answer.response.headers
    api.logged()
    with cast.database.reading() as session:
        kept = request_log.list_requests(session, workspace_id=cast.workspace_id).rows
    assert not any(api.secret in each.path for each in kept)


def test_only_the_hash_is_stored(cast: Cast, api: Program) -> None:
    with cast.database.reading() as session:
        (key,) = session.query(ApiKey).all()

    stored = [str(getattr(key, column.key)) for column in ApiKey.__table__.columns]
    assert key.secret_hash == secret_hash(api.secret)
    assert key.masked == f"sk_test_••••{api.secret[-4:]}"
    assert not any(api.secret in each for each in stored)


@pytest.mark.parametrize("scope", SCOPES)
def test_a_restricted_key_does_what_its_scope_says_and_nothing_else(
    cast: Cast, api: Program, scope: str
) -> None:
    restricted = Program(api.app, make_secret(cast, scopes=[scope]))
    allowed = {path for path in READS if restricted.get(READS[path]).status == 200}

    assert restricted.secret.startswith("rk_test_")
    assert allowed == {scope.partition(":")[0]}


READS = {
    "programs": "/loyalty/programs",
    "customers": "/customers",
    "accounts": "/loyalty/accounts",
    "points": "/loyalty/points",
    "rewards": "/loyalty/rewards",
    "redemptions": "/loyalty/redemptions",
    "events": "/events",
    "webhook_endpoints": "/webhook-endpoints",
}


def test_reading_gives_no_right_to_write(cast: Cast, api: Program) -> None:
    readers = [f"{name}:read" for name in READS]
    reader = Program(api.app, make_secret(cast, scopes=readers))
    member = factories.enrol(cast)
    reward = factories.make_reward(cast)
    writes = {
        "/loyalty/programs": {"name": "Beans"},
        "/customers": {"name": "Ngozi"},
        "/loyalty/accounts": {"programId": cast.program_id, "customerId": "c"},
        "/loyalty/points/award": {"accountId": member.id, "points": 1, "reason": "x"},
        "/loyalty/points/reverse": {"transactionId": "ptx_1", "reason": "x"},
        "/loyalty/rewards": {
            "programId": cast.program_id,
            "name": "Mug",
            "type": "partner",
            "pointsCost": 1,
        },
        f"/loyalty/rewards/{reward.id}/archive": {},
        "/loyalty/redemptions": {"accountId": member.id, "rewardId": reward.id},
        "/loyalty/redemptions/rdm_1/cancel": {},
        "/loyalty/redemptions/rdm_1/fulfil": {},
        "/webhook-endpoints": {"url": "https://shop.example.com/hooks"},
        "/webhook-endpoints/we_1/rotate-secret": {"overlapHours": 0},
        "/webhook-endpoints/we_1/test": {},
    }

    for path, body in writes.items():
        answer = reader.post(path, body)
        assert (answer.status, answer.code) == (403, "permission_denied"), path


def test_expanding_a_customer_needs_the_right_to_read_customers(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast, "Ngozi Okafor")
    reader = Program(api.app, make_secret(cast, scopes=["accounts:read"]))

    assert reader.get(f"/loyalty/accounts/{member.id}", expand="customer").status == 403
    shown = api.get(f"/loyalty/accounts/{member.id}", expand="customer").body
    assert shown["customer"]["name"] == "Ngozi Okafor"
    assert shown["customer"]["livemode"] is False


def test_revoking_bites_on_the_next_request(cast: Cast, api: Program) -> None:
    assert api.get("/loyalty/programs").status == 200
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        (key,) = keys.list_keys(session, workspace=workspace)
        keys.revoke(session, workspace=workspace, key_id=key.id, by=cast.owner)

    assert api.get("/loyalty/programs").code == "invalid_api_key"


def test_a_rolled_key_works_on_for_its_overlap(cast: Cast, api: Program) -> None:
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        (key,) = keys.list_keys(session, workspace=workspace)
        made = keys.roll(
            session, workspace=workspace, key_id=key.id, overlap_hours=1, by=cast.owner
        )
    new = Program(api.app, made.secret)

    assert [each.get("/loyalty/programs").status for each in (api, new)] == [200, 200]
    with clock.set_to(clock.now() + timedelta(hours=1, seconds=1)):
        assert [each.get("/loyalty/programs").status for each in (api, new)] == [401, 200]
        with cast.database.writing() as session, pytest.raises(errors.KeyEnded):
            keys.roll(session, workspace=workspace, key_id=key.id, overlap_hours=1, by=cast.owner)


@pytest.mark.parametrize("role", ["manager", "cashier", "viewer"])
def test_only_an_owner_makes_keys(cast: Cast, role: str) -> None:
    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="live")
    with cast.database.writing() as session, pytest.raises(errors.PermissionDenied):
        keys.create(session, workspace=workspace, name="Till", by=getattr(cast, role))


def test_the_last_use_is_shown(cast: Cast, api: Program) -> None:
    api.get("/loyalty/programs")
    api.logged()

    with cast.database.reading() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        (key,) = keys.list_keys(session, workspace=workspace)
    assert key.last_used_at is not None


def test_another_merchants_objects_are_not_there(cast: Cast, api: Program) -> None:
    """The other workspace's and the other merchant's ids look like any unknown id."""
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 500)
    reward = factories.make_reward(cast)
    redemption = factories.redeem(cast, member, reward)
    live = Program(api.app, make_secret(cast, mode="live"))
    paths = [
        f"/loyalty/accounts/{member.id}",
        f"/loyalty/points/{entry.id}",
        f"/loyalty/points?accountId={member.id}",
        f"/loyalty/rewards/{reward.id}",
        f"/loyalty/redemptions/{redemption.id}",
        f"/loyalty/programs/{cast.program_id}",
        f"/customers/{member.customer_id}",
    ]

    for path in paths:
        assert api.get(path).status == 200, path
        assert live.get(path).code == "resource_missing", path
    body = {"accountId": member.id, "points": 1, "reason": "x"}
    assert live.post("/loyalty/points/award", body).status == 404
    assert (
        live.post("/loyalty/redemptions", {"accountId": member.id, "rewardId": reward.id}).status
        == 404
    )
    reversal = {"transactionId": entry.id, "reason": "x"}
    assert live.post("/loyalty/points/reverse", reversal).status == 404
    for act in ("cancel", "fulfil"):
        assert live.post(f"/loyalty/redemptions/{redemption.id}/{act}").status == 404
