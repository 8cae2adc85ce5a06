"""Every error code of the specification, each from the call that gives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app import clock
from app.api.error_codes import ERROR_CODES
from app.errors import RegularsError
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, Reply, make_secret

Case = Callable[[Cast, Program], Reply]


def redeem(api: Program, member_id: str, reward_id: str) -> Reply:
    return api.post("/loyalty/redemptions", {"accountId": member_id, "rewardId": reward_id})


def award(api: Program, member_id: str, **changes: Any) -> Reply:
    body = {"accountId": member_id, "points": 250, "reason": "purchase", **changes}
    return api.post("/loyalty/points/award", {k: v for k, v in body.items() if v is not None})


def insufficient_points(cast: Cast, api: Program) -> Reply:
    return redeem(api, factories.enrol(cast).id, factories.make_reward(cast).id)


def account_negative(cast: Cast, api: Program) -> Reply:
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 450)
    factories.redeem(cast, member, factories.make_reward(cast))
    factories.reverse(cast, entry)
    return redeem(api, member.id, factories.make_reward(cast, "Sticker", points_cost=0).id)


def reward_inactive(cast: Cast, api: Program) -> Reply:
    reward = factories.archive(cast, factories.make_reward(cast, points_cost=0))
    return redeem(api, factories.enrol(cast).id, reward.id)


def reward_out_of_stock(cast: Cast, api: Program) -> Reply:
    reward = factories.make_reward(cast, points_cost=0, stock=0)
    return redeem(api, factories.enrol(cast).id, reward.id)


def reward_limit_reached(cast: Cast, api: Program) -> Reply:
    member = factories.enrol(cast)
    reward = factories.make_reward(cast, points_cost=0, per_member_limit=1)
    redeem(api, member.id, reward.id)
    return redeem(api, member.id, reward.id)


def reward_not_available(cast: Cast, api: Program) -> Reply:
    later = clock.now() + timedelta(days=1)
    reward = factories.make_reward(cast, points_cost=0, starts_at=later)
    return redeem(api, factories.enrol(cast).id, reward.id)


def member_closed(cast: Cast, api: Program) -> Reply:
    return award(api, factories.close(cast, factories.enrol(cast)).id)


def already_reversed(cast: Cast, api: Program) -> Reply:
    entry = factories.award(cast, factories.enrol(cast), 250)
    factories.reverse(cast, entry)
    return api.post("/loyalty/points/reverse", {"transactionId": entry.id, "reason": "refund"})


def exceeds_reversible(cast: Cast, api: Program) -> Reply:
    entry = factories.award(cast, factories.enrol(cast), 250)
    body = {"transactionId": entry.id, "reason": "refund", "points": 251}
    return api.post("/loyalty/points/reverse", body)


def not_reversible(cast: Cast, api: Program) -> Reply:
    member = factories.enrol(cast)
    reward = factories.make_reward(cast, points_cost=0)
    redeem(api, member.id, reward.id)
    entry = api.get("/loyalty/points", accountId=member.id).body["data"][0]
    return api.post("/loyalty/points/reverse", {"transactionId": entry["id"], "reason": "oops"})


def already_fulfilled(cast: Cast, api: Program) -> Reply:
    member = factories.enrol(cast)
    made = redeem(api, member.id, factories.make_reward(cast, points_cost=0).id).body
    assert api.post(f"/loyalty/redemptions/{made['id']}/fulfil").body["status"] == "fulfilled"
    return api.post(f"/loyalty/redemptions/{made['id']}/cancel")


def idempotency_conflict(cast: Cast, api: Program) -> Reply:
    member = factories.enrol(cast)
    body = {"accountId": member.id, "points": 250, "reason": "purchase"}
    assert api.post("/loyalty/points/award", body, key="award-1").status == 201
    return api.post("/loyalty/points/award", {**body, "points": 251}, key="award-1")


def source_conflict(cast: Cast, api: Program) -> Reply:
    body = {"points": 250, "reason": "purchase", "source": {"type": "payment", "id": "pay_1"}}
    first, other = factories.enrol(cast), factories.enrol(cast)
    assert api.post("/loyalty/points/award", {**body, "accountId": first.id}).status == 201
    return api.post("/loyalty/points/award", {**body, "accountId": other.id})


def resource_missing(cast: Cast, api: Program) -> Reply:
    return api.get("/loyalty/accounts/loy_none")


def parameter_invalid(cast: Cast, api: Program) -> Reply:
    return award(api, factories.enrol(cast).id, points=0)


def parameter_missing(cast: Cast, api: Program) -> Reply:
    return award(api, factories.enrol(cast).id, reason=None)


def parameter_unknown(cast: Cast, api: Program) -> Reply:
    return award(api, factories.enrol(cast).id, bonus=5)


def invalid_api_key(cast: Cast, api: Program) -> Reply:
    return Program(api.app, "sk_test_wrong").get("/loyalty/programs")


def permission_denied(cast: Cast, api: Program) -> Reply:
    reader = Program(api.app, make_secret(cast, scopes=["points:read"]))
    return award(reader, factories.enrol(cast).id)


def endpoint_disabled(cast: Cast, api: Program) -> Reply:
    made = api.post("/webhook-endpoints", {"url": "https://shop.example.com/hooks"}).body
    api.patch(f"/webhook-endpoints/{made['id']}", {"status": "disabled"})
    return api.post(f"/webhook-endpoints/{made['id']}/test")


CASES: dict[Case, tuple[int, str | None]] = {
    insufficient_points: (422, None),
    account_negative: (422, None),
    reward_inactive: (422, None),
    reward_out_of_stock: (422, None),
    reward_limit_reached: (422, None),
    reward_not_available: (422, None),
    member_closed: (422, None),
    already_reversed: (422, None),
    exceeds_reversible: (422, "points"),
    not_reversible: (422, None),
    already_fulfilled: (422, None),
    idempotency_conflict: (409, "Idempotency-Key"),
    source_conflict: (409, "source"),
    resource_missing: (404, None),
    parameter_invalid: (400, "points"),
    parameter_missing: (400, "reason"),
    parameter_unknown: (400, "bonus"),
    invalid_api_key: (401, None),
    permission_denied: (403, None),
    endpoint_disabled: (422, None),
}
ELSEWHERE = {
    *("rate_limited", "invalid_signature", "too_small_to_earn"),
    *("sign_in_failed", "invalid_request"),
}
"""Told in `test_limits`, in `test_payments` (two), on pages only, and by no error of its own."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_each_code_comes_with_its_status_and_names_the_parameter(
    cast: Cast, api: Program, case: Case
) -> None:
    status, param = CASES[case]

    answer = case(cast, api)

    error = answer.body["error"]
    assert (answer.status, error["code"], error["param"]) == (status, case.__name__, param)
    assert set(error) == {"type", "code", "message", "param", "requestId"}
    assert error["requestId"] == answer.response.headers["X-Request-Id"]
    assert error["message"].endswith((".", ":"))
    assert factories.verify(cast).fault is None


def test_no_code_is_without_a_case() -> None:
    known = {error.code for error in _kinds(RegularsError)}

    assert known - ELSEWHERE == {case.__name__ for case in CASES}


def test_the_reference_lists_every_code_with_its_status() -> None:
    listed = {code: status for code, (status, _) in ERROR_CODES.items()}

    assert {case.__name__: status for case, (status, _) in CASES.items()}.items() <= listed.items()
    assert set(listed) - {case.__name__ for case in CASES} == {
        *("rate_limited", "method_not_allowed", "request_too_large", "server_error"),
        "invalid_signature",
    }


def _kinds(kind: type[RegularsError]) -> list[type[RegularsError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in _kinds(below))]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "resource_missing"),
        ("DELETE", "/loyalty/programs", 405, "method_not_allowed"),
        ("GET", "/loyalty/accounts/%00", 404, "resource_missing"),
        ("GET", "/loyalty/accounts/" + "x" * 300, 404, "resource_missing"),
    ],
)
def test_what_flask_refuses_is_json_as_well(
    api: Program, method: str, path: str, status: int, code: str
) -> None:
    answer = api._send(method, path)

    assert (answer.status, answer.code) == (status, code)
    assert answer.response.mimetype == "application/json"


def test_what_breaks_is_told_without_its_secrets(
    api: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError("ngozi@example.com")

    monkeypatch.setattr("app.services.members.enrolment.get_member", break_down)

    answer = api.get("/loyalty/accounts/loy_1")

    assert (answer.status, answer.code) == (500, "server_error")
    assert "ngozi" not in answer.text
