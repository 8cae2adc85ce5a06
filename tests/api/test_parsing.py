"""What is unclear in a request is refused by name, and has no half effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import factories
from tests.cast import Cast
from tests.support.api import Program

AWARD = "/loyalty/points/award"


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
