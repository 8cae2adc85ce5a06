"""How large, how deep and how encoded a body may be: at the limit, past it, and wrongly encoded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from app.api.parsing import DEPTH_MAX
from app.factory import REQUEST_BYTES_MAX
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.api import Program, Reply

AWARD = "/loyalty/points/award"


def award_body(cast: Cast, **changes: Any) -> dict[str, Any]:
    account_id = factories.enrol(cast).id
    return {"accountId": account_id, "points": 1, "reason": "purchase", **changes}


def padded(body: dict[str, Any], size: int) -> bytes:
    """Write a body with spaces behind it, up to so many bytes."""
    return json.dumps(body).encode().ljust(size)


def test_a_body_has_64_kib_and_not_one_byte_more(cast: Cast, api: Program) -> None:
    body = award_body(cast)

    taken = api.raw(AWARD, padded(body, REQUEST_BYTES_MAX))
    refused = api.raw(AWARD, padded(body, REQUEST_BYTES_MAX + 1))

    assert taken.status == 201
    assert (refused.status, refused.code) == (413, "request_too_large")


@pytest.mark.parametrize("depth", [DEPTH_MAX, DEPTH_MAX + 1, 300, 500, 900, 5_000])
@pytest.mark.parametrize(("before", "behind"), [('{"a":', "}"), ("[", "]")])
def test_however_deep_a_body_is_its_refusal_names_what_is_wrong(
    cast: Cast, api: Program, depth: int, before: str, behind: str
) -> None:
    # The body is the first level, and what stands in the innermost brackets the last.
    nested = before * (depth - 2) + "1" + behind * (depth - 2)
    answer = api.raw(AWARD, f'{{"reason": {nested}}}')

    assert answer.status == 400
    assert answer.param == ("accountId" if depth == DEPTH_MAX else "body")
    assert not any(records.entries_of(cast, each) for each in records.members_of(cast))


ENCODINGS: dict[str, tuple[Callable[[str], bytes], dict[str, str]]] = {
    "UTF-16": (lambda text: text.encode("utf-16"), {}),
    "UTF-32": (lambda text: text.encode("utf-32-be"), {}),
    "Latin-1": (lambda text: text.encode("latin-1"), {}),
    "Latin-1, said": (
        lambda text: text.encode("latin-1"),
        {"Content-Type": "application/json; charset=iso-8859-1"},
    ),
    "UTF-8 with a mark": (lambda text: text.encode("utf-8-sig"), {}),
    "UTF-8, overlong": (lambda text: text.encode().replace(b"C", b"\xc1\x83"), {}),
    "UTF-8, half a pair": (lambda text: text.encode().replace(b"C", b"\xed\xa0\x80"), {}),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_body_in_anything_but_plain_utf_8_is_refused(cast: Cast, api: Program, name: str) -> None:
    written, headers = ENCODINGS[name]
    body = json.dumps(award_body(cast, reason="Café"), ensure_ascii=False)

    answer = send(api, written(body), headers)

    assert (answer.status, answer.code) == (400, "parameter_invalid"), answer.text
    assert answer.param == "body"
    assert not any(records.entries_of(cast, each) for each in records.members_of(cast))


def test_a_body_that_is_packed_is_refused_by_its_header(cast: Cast, api: Program) -> None:
    body = json.dumps(award_body(cast)).encode()

    for packed in (gzip.compress(body), body):
        answer = send(api, packed, {"Content-Encoding": "gzip"})
        assert (answer.status, answer.param) == (415, "Content-Encoding")
    assert send(api, body, {"Content-Encoding": "identity"}).status == 201


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_what_is_said_of_utf_8_does_not_matter(cast: Cast, api: Program, kind: str) -> None:
    body = json.dumps(award_body(cast, reason="Café 😀"), ensure_ascii=False).encode()

    answer = send(api, body, {"Content-Type": kind})

    assert (answer.status, answer.body["reason"]) == (201, "Café 😀")


def send(api: Program, data: bytes, headers: dict[str, str]) -> Reply:
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {api.secret}", **headers}
    return Reply(api.app.test_client().post(f"/v1{AWARD}", data=data, headers=given))
