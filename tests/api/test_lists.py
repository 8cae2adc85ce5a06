"""Lists: parts that fit together, whatever arrives in between (spec section 5)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.cast import Cast
from tests.support.api import Program


def ids(answer: Any) -> list[str]:
    return [each["id"] for each in answer.body["data"]]


@pytest.fixture
def crowded(cast: Cast, api: Program) -> dict[str, list[str]]:
    """Give the ids of 23 of each kind, the newest first."""
    member = factories.enrol(cast)
    reward = factories.make_reward(cast, "Sticker", points_cost=1)
    factories.award(cast, member, 1000)
    for number in range(22):
        factories.enrol(cast, customer_id=f"c{number * 7919 % 100:02d}")
        factories.make_reward(cast, f"Reward {number}")
        factories.make_program(cast, name=f"Program {number}")
        api.post("/webhook-endpoints", {"url": f"https://shop.example.com/{number}"})
        factories.redeem(cast, member, reward)
    return {path: ids(api.get(path, limit=100)) for path in PATHS}


PATHS = (
    "/loyalty/programs",
    "/customers",
    "/loyalty/accounts",
    "/loyalty/points",
    "/loyalty/rewards",
    "/loyalty/redemptions",
    "/events",
    "/webhook-endpoints",
)


def test_lists_are_newest_first_and_whole(crowded: dict[str, list[str]]) -> None:
    for path, found in crowded.items():
        assert len(found) >= 22, path
        assert len(set(found)) == len(found), path
        if path != "/customers":
            assert found == sorted(found, reverse=True), path


@pytest.mark.parametrize("path", PATHS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(limits=st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_parts_of_any_size_make_the_whole_in_both_directions(
    api: Program, crowded: dict[str, list[str]], path: str, limits: list[int]
) -> None:
    whole = crowded[path]
    older: list[str] = []
    cursor: dict[str, str] = {}
    for limit in [*limits, 100, 100]:
        part = api.get(path, limit=limit, **cursor)
        older += ids(part)
        assert part.body["page"]["hasMore"] == (len(older) < len(whole))
        if not part.body["page"]["hasMore"]:
            assert part.body["page"]["nextCursor"] is None
            break
        assert part.body["page"]["nextCursor"] == older[-1]
        cursor = {"startingAfter": older[-1]}
    assert older == whole

    newer: list[str] = []
    cursor = {"endingBefore": whole[-1]}
    for limit in [*limits, 100, 100]:
        part = api.get(path, limit=limit, **cursor)
        newer = ids(part) + newer
        if not part.body["page"]["hasMore"]:
            break
        assert part.body["page"]["nextCursor"] == newer[0]
        cursor = {"endingBefore": part.body["page"]["nextCursor"]}
    assert newer == whole[:-1]


def test_rows_that_arrive_move_no_part(cast: Cast, api: Program) -> None:
    for _ in range(10):
        factories.enrol(cast)
    first = ids(api.get("/loyalty/accounts", limit=5))
    whole = ids(api.get("/loyalty/accounts", limit=100))

    factories.enrol(cast)
    second = ids(api.get("/loyalty/accounts", limit=5, startingAfter=first[-1]))

    assert first + second == whole


def test_lists_are_narrowed(cast: Cast, api: Program) -> None:
    one = factories.enrol(cast, "Ngozi", customer_id="cust_1", email="ngozi@example.com")
    factories.enrol(cast, "Kwame", customer_id="cust_2")
    reward = factories.make_reward(cast, points_cost=0)
    factories.archive(cast, factories.make_reward(cast, "Old"))
    redemption = factories.redeem(cast, one, reward)

    narrowed = {
        "/loyalty/accounts?customerId=cust_1": [one.id],
        f"/loyalty/accounts?programId={cast.program_id}&customerId=nobody": [],
        "/customers?email=NGOZI@example.com": ["cust_1"],
        "/loyalty/rewards?status=active": [reward.id],
        f"/loyalty/redemptions?accountId={one.id}&status=confirmed": [redemption.id],
        "/loyalty/redemptions?status=cancelled": [],
    }

    for path, expected in narrowed.items():
        assert ids(api.get(path)) == expected, path
    kinds = {each["type"] for each in api.get("/events?type=loyalty.reward.created").body["data"]}
    assert kinds == {"loyalty.reward.created"}


def test_a_customer_cursor_must_name_a_customer(api: Program) -> None:
    answer = api.get("/customers", startingAfter="nobody")

    assert (answer.status, answer.param) == (404, "startingAfter")


@pytest.mark.parametrize(
    "path",
    [
        *("/loyalty/programs", "/loyalty/accounts", "/loyalty/points", "/loyalty/rewards"),
        *("/loyalty/redemptions", "/events", "/webhook-endpoints", "/customers"),
    ],
)
@pytest.mark.parametrize("cursor", ["zzz_garbage", "key_01k9xw3v7r2m4q8t6y0b5n1c3d", "nobody"])
def test_a_cursor_of_something_else_is_refused(api: Program, path: str, cursor: str) -> None:
    for name in ("startingAfter", "endingBefore"):
        answer = api.get(path, **{name: cursor})
        assert (answer.status, answer.param) == (404, name)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/loyalty/points", "accountId"),
        ("/loyalty/redemptions", "accountId"),
        ("/loyalty/redemptions", "rewardId"),
        ("/loyalty/accounts", "programId"),
        ("/loyalty/rewards", "programId"),
    ],
)
def test_an_id_that_is_not_there_is_no_empty_list(api: Program, path: str, param: str) -> None:
    answer = api.get(path, **{param: "loy_nope"})

    assert (answer.status, answer.param) == (404, param)


def test_tests_of_webhooks_are_listed_by_their_type(cast: Cast, api: Program) -> None:
    endpoint = factories.make_endpoint(cast)
    api.post(f"/webhook-endpoints/{endpoint.id}/test")

    assert len(api.get("/events", type="webhook.test").body["data"]) == 1
