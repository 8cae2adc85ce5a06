"""The seed's guide, step by step over HTTP, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.db.database import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.settings import make_settings
from tests.support.shops import shop_in


@pytest.fixture
def cast(database: Database) -> Cast:
    """Give the shop on each kind of database in turn."""
    return shop_in(database)


@pytest.fixture
def api(cast: Cast, tmp_path: Path) -> Program:
    """Give a program with a key of the sandbox."""
    app = create_app(make_settings(cast.database, tmp_path), cast.database)
    return Program(app, make_secret(cast))


def test_the_guide_works_word_for_word(cast: Cast, api: Program) -> None:
    reward_id = factories.make_reward(cast, "Free shipping", points_cost=200).id
    enrolment = {
        "programId": cast.program_id,
        "customerId": "cust_8sJ2k",
        "metadata": {"signupSource": "checkout"},
    }
    enrolled = api.post("/loyalty/accounts", enrolment, key="enrol-cust_8sJ2k-prog_summer")
    account = enrolled.body
    assert enrolled.status == 201
    assert account["id"].startswith("loy_")
    again = api.post("/loyalty/accounts", enrolment)
    assert (again.status, again.body["id"]) == (200, account["id"])

    award = {
        "accountId": account["id"],
        "points": 250,
        "reason": "purchase",
        "metadata": {"paymentId": "pay_3xZ9q", "orderId": "1234"},
    }
    txn = api.post("/loyalty/points/award", award, key="award-pay_3xZ9q").body
    assert txn["id"].startswith("ptx_")
    assert txn["balanceAfter"] == 250
    retried = api.post("/loyalty/points/award", award, key="award-pay_3xZ9q")
    assert (retried.body, retried.replayed) == (txn, "true")

    fresh = api.get(f"/loyalty/accounts/{account['id']}").body
    assert (fresh["balance"], fresh["lifetimePoints"], fresh["tier"]) == (250, 250, "bronze")
    history = api.get("/loyalty/points", accountId=account["id"], limit=20).body["data"]
    assert [each["id"] for each in history] == [txn["id"]]

    reward = api.get(f"/loyalty/rewards/{reward_id}").body
    assert fresh["balance"] >= reward["pointsCost"]
    redemption = api.post(
        "/loyalty/redemptions",
        {"accountId": account["id"], "rewardId": reward["id"], "metadata": {"orderId": "1234"}},
        key="redeem-order-1234",
    ).body
    assert redemption["id"].startswith("rdm_")
    assert redemption["status"] == "confirmed"
    assert redemption["pointsSpent"] == reward["pointsCost"]

    api.post(
        "/loyalty/points/reverse",
        {"transactionId": txn["id"], "reason": "refund"},
        key="reverse-pay_3xZ9q",
    )
    below = api.get(f"/loyalty/accounts/{account['id']}").body
    assert (below["balance"], below["lifetimePoints"]) == (-200, 250)
    again = api.post("/loyalty/redemptions", {"accountId": account["id"], "rewardId": reward["id"]})
    assert (again.status, again.code) == (422, "account_negative")

    api.post(f"/loyalty/redemptions/{redemption['id']}/cancel")
    assert api.get(f"/loyalty/accounts/{account['id']}").body["balance"] == 0
    told = [each["type"] for each in api.get("/events").body["data"]]
    assert told == [
        "loyalty.redemption.cancelled",
        "loyalty.points.reversed",
        "loyalty.reward.redeemed",
        "loyalty.points.earned",
        "loyalty.account.created",
        "loyalty.reward.created",
    ]
    assert factories.verify(cast).fault is None


def test_without_points_the_redemption_is_refused_and_none_are_taken(
    cast: Cast, api: Program
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 100)
    reward = factories.make_reward(cast, points_cost=200)

    answer = api.post("/loyalty/redemptions", {"accountId": member.id, "rewardId": reward.id})

    assert (answer.status, answer.code) == (422, "insufficient_points")
    assert factories.reload(cast, member).balance == 100
