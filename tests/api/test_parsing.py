"""What is unclear in a request is refused by name, and has no half effect."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests import factories
from tests.cast import Cast
from tests.support.api import Program

AWARD = "/loyalty/points/award"
REWARD = {"type": "partner", "name": "x", "programId": "prog_1", "pointsCost": 1}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("points", True, "parameter_invalid"),
        ("points", 5.0, "parameter_invalid"),
        ("points", 2.5, "parameter_invalid"),
        ("points", "250", "parameter_invalid"),
        ("points", None, "parameter_invalid"),
        ("points", [250], "parameter_invalid"),
        ("points", 2**53 + 1, "parameter_invalid"),
        ("points", 2**70, "parameter_invalid"),
        ("points", -1, "parameter_invalid"),
        ("points", 10_000_001, "parameter_invalid"),
        ("reason", "", "parameter_invalid"),
        ("reason", "   ", "parameter_invalid"),
        ("reason", "x" * 501, "parameter_invalid"),
        ("reason", "a\x00b", "parameter_invalid"),
        ("reason", "\ud800", "parameter_invalid"),
        ("reason", 7, "parameter_invalid"),
        ("metadata", {"orderId": 1234}, "parameter_invalid"),
        ("metadata", {"k" * 41: "v"}, "parameter_invalid"),
        ("metadata", {str(n): "v" for n in range(51)}, "parameter_invalid"),
        ("metadata", [], "parameter_invalid"),
        ("metadata", {"partner": 5}, "parameter_invalid"),
        ("accountId", "loy 1", "parameter_invalid"),
        ("source", {"type": "payment"}, "parameter_missing"),
        ("source", {"type": "payment", "id": "1", "rule": "x"}, "parameter_unknown"),
        ("Points", 5, "parameter_unknown"),
    ],
)
def test_a_wrong_value_is_refused_by_name(
    cast: Cast, api: Program, field: str, value: Any, code: str
) -> None:
    member = factories.enrol(cast)
    body = {"accountId": member.id, "points": 250, "reason": "purchase", field: value}

    answer = api.raw(AWARD, json.dumps(body))

    assert (answer.status, answer.code) == (400, code)
    assert (answer.param or "").startswith(field)
    assert factories.reload(cast, member).entry_count == 0


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"points": 1, "points": 2}', "points"),
        ('{"metadata": {"a": "1", "a": "2"}}', "a"),
        ('{"order_id": 1, "order_id": 2}', "order_id"),
        ('{"points": NaN}', "body"),
        ('{"points": Infinity}', "body"),
        ('{"points": 1', "body"),
        ("[]", "body"),
        ('"{\\"points\\": 250}"', "body"),
        ("null", "body"),
        ('{"a":' * 2000 + "1" + "}" * 2000, "body"),
        ("9" * 5000, "body"),
        (b"\xff\xfe", "body"),
        ("", "body"),
    ],
)
def test_what_is_no_plain_json_object_is_refused(
    api: Program, body: str | bytes, param: str
) -> None:
    answer = api.raw(AWARD, body)

    assert answer.status == 400
    assert answer.param == param


def test_another_content_type_is_refused(api: Program) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        answer = api.raw(AWARD, '{"points": 250}', kind)
        assert (answer.status, answer.param) == (415, "Content-Type")


def test_a_body_of_more_than_64_kib_is_refused(api: Program) -> None:
    answer = api.raw(AWARD, json.dumps({"reason": "x" * 65_536}))

    assert (answer.status, answer.code) == (413, "request_too_large")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1.0", "limit"),
        ("limit=+5", "limit"),
        ("limit=%D9%A5", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limits=5", "limits"),
        ("startingAfter=loy_1&endingBefore=loy_2", "endingBefore"),
        ("expand=everything", "expand"),
        ("programId=%00", "programId"),
    ],
)
def test_a_wrong_address_is_refused_by_name(api: Program, query: str, param: str) -> None:
    answer = api.get(f"/loyalty/accounts?{query}")

    assert (answer.status, answer.param) == (400, param)


@pytest.mark.parametrize("key", ["x" * 256, "ключ", "a\tb"])
def test_an_unusable_idempotency_key_is_refused(cast: Cast, api: Program, key: str) -> None:
    body = {"accountId": factories.enrol(cast).id, "points": 1, "reason": "purchase"}
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}

    answer = api._send("POST", AWARD, json=body, headers=headers)

    assert (answer.status, answer.param) == (400, "Idempotency-Key")


def test_a_call_without_a_body_takes_no_fields(cast: Cast, api: Program) -> None:
    reward = factories.make_reward(cast)

    assert api.post(f"/loyalty/rewards/{reward.id}/archive", {"now": True}).param == "now"
    assert api.post(f"/loyalty/rewards/{reward.id}/archive", {}).body["status"] == "archived"


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/customers", {"metadata": {"order_id": 5}}, "metadata.order_id"),
        ("/customers", {"metadata": {"partner": 5}}, "metadata.partner"),
        ("/customers", {"metadata": {"[key]": 5}}, "metadata.[key]"),
        ("/customers", {"metadata": {"k" * 41: "v"}}, f"metadata.{'k' * 41}"),
        ("/customers", {"partner": 1}, "partner"),
        ("/loyalty/rewards", {**REWARD, "partner": 1}, "partner"),
    ],
)
def test_names_are_told_as_they_were_sent(
    api: Program, path: str, body: dict[str, Any], param: str
) -> None:
    assert api.post(path, body).param == param


def test_a_call_that_takes_nothing_in_its_address_says_so(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    body = {"accountId": member.id, "points": 5, "reason": "purchase"}

    for path, given in ((f"{AWARD}?foo=1", body), ("/loyalty/programs?foo=1", None)):
        answer = api.post(path, given)
        assert (answer.status, answer.code, answer.param) == (400, "parameter_unknown", "foo")
    assert api.get(f"/loyalty/programs/{cast.program_id}?foo=1").param == "foo"
    assert factories.reload(cast, member).entry_count == 0


def test_an_id_that_is_not_there_is_told_by_its_name(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    none = "none_1"
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "accountId": (AWARD, {"accountId": none, "points": 5, "reason": "x"}),
        "rewardId": ("/loyalty/redemptions", {"accountId": member.id, "rewardId": none}),
        "transactionId": ("/loyalty/points/reverse", {"transactionId": none, "reason": "x"}),
        "programId": ("/loyalty/accounts", {"programId": none, "customerId": "c"}),
    }

    for param, (path, body) in calls.items():
        answer = api.post(path, body)
        assert (answer.status, answer.param) == (404, param)


@pytest.mark.parametrize("customer_id", ["/a", "a//b", "ada@example.com", "a b", "%2F", "ü"])
def test_a_callers_id_is_found_again(api: Program, customer_id: str) -> None:
    assert api.post("/customers", {"id": customer_id}).status == 201

    found = api.get(f"/customers/{quote(customer_id, safe='')}")

    assert (found.status, found.body["id"]) == (200, customer_id)


@pytest.mark.parametrize("customer_id", [".", ".."])
def test_an_id_that_an_address_loses_is_refused(api: Program, customer_id: str) -> None:
    assert api.post("/customers", {"id": customer_id}).param == "id"


@pytest.mark.parametrize(
    "moment", ["2026-W05-1T00:00Z", "20260101 00:00+00:00:01.5", "2026-01-01T00:00:00", "soon", 5]
)
def test_a_time_is_one_of_rfc_3339(cast: Cast, api: Program, moment: object) -> None:
    body = {"programId": cast.program_id, "name": "Mug", "type": "partner", "pointsCost": 1}

    answer = api.post("/loyalty/rewards", {**body, "startsAt": moment})

    assert (answer.status, answer.param) == (400, "startsAt")


@pytest.mark.parametrize(
    ("path", "body", "param", "words"),
    [
        ("/loyalty/programs", {"pointValue": "1"}, "pointValue", "Send a number."),
        ("/loyalty/programs", {"pointValue": -1}, "pointValue", "Send 0 or more."),
        (
            "/loyalty/programs",
            {"tiers": [{"key": "a", "name": "A", "threshold": 0, "multiplier": "2"}]},
            "tiers.0.multiplier",
            "Send a number.",
        ),
        (
            "/loyalty/programs",
            {"tiers": [{"key": "A b", "name": "A", "threshold": 0}]},
            "tiers.0.key",
            "Use a to z in lower case, digits and _.",
        ),
        ("/loyalty/programs", {"name": "a\nb"}, "name", "Write something, in one line."),
        ("/loyalty/programs", {"tiers": {}}, "tiers", "Send a list."),
        ("/loyalty/programs", {"metadata": []}, "metadata", "Send an object."),
        (
            "/webhook-endpoints",
            {"enabledEvents": ["loyalty.points.earnt"]},
            "enabledEvents.0",
            "Send one of *, loyalty.account.created, loyalty.account.updated,",
        ),
        ("/webhook-endpoints", {"enabledEvents": []}, "enabledEvents", "Send at least 1."),
        ("/customers", {"name": "a\nb"}, "name", "Send one line,"),
        ("/customers", {"phone": "+353\n871234471"}, "phone", "Send one line,"),
        ("/loyalty/points/award", {"source": "pay_1"}, "source", "Send an object."),
        ("/loyalty/points/award", {"points": 1.0}, "points", "Send a whole number."),
        ("/loyalty/points/award", {"points": 10**8}, "points", "Send 10,000,000 or less."),
        ("/loyalty/rewards", {**REWARD, "value": 5}, "value", "Leave it out."),
        ("/loyalty/rewards", {**REWARD, "minTier": ""}, "minTier", "Send at least one character."),
    ],
)
def test_a_wrong_value_is_told_by_what_to_send(
    api: Program, path: str, body: dict[str, Any], param: str, words: str
) -> None:
    needed: dict[str, dict[str, Any]] = {
        "/loyalty/programs": {"name": "Regulars"},
        "/webhook-endpoints": {"url": "https://shop.example.com/hooks"},
        "/loyalty/points/award": {"accountId": "loy_1", "points": 1, "reason": "purchase"},
    }

    answer = api.post(path, {**needed.get(path, {}), **body})

    assert (answer.status, answer.param) == (400, param)
    assert f"“{param}” is not right: {words}" in answer.body["error"]["message"]


@pytest.mark.parametrize("hours", [True, False, 1.0, "24", None, 2])
def test_an_overlap_is_one_of_four_whole_numbers(api: Program, hours: Any) -> None:
    made = api.post("/webhook-endpoints", {"url": "https://shop.example.com/hooks"})
    path = f"/webhook-endpoints/{made.body['id']}/rotate-secret"

    answer = api.post(path, {"overlapHours": hours})

    assert (answer.status, answer.param) == (400, "overlapHours")
