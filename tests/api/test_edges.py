"""Sizes, depths and encodings at the edge and one past it: kept whole, or refused by name.

Both databases: PostgreSQL counts the characters of its columns and SQLite counts nothing.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.api.parsing import DEPTH_MAX
from app.db import Database
from app.factory import REQUEST_BYTES_MAX, create_app
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.api import Program, Reply, make_secret
from tests.support.settings import make_settings

AWARD = "/loyalty/points/award"
WIDE = "😀"
"""Four bytes of UTF-8, and two units of UTF-16: whoever counts either counts wrong."""


@pytest.fixture
def cast(database: Database) -> Cast:
    """Give the shop on each database."""
    return factories.make_cast(database)


@pytest.fixture
def app(cast: Cast, tmp_path: Path) -> Flask:
    """Give the app on the shop's database."""
    return create_app(make_settings(cast.database, tmp_path), cast.database)


@pytest.fixture
def api(app: Flask, cast: Cast) -> Program:
    """Give a program with a key of the sandbox that may do everything."""
    return Program(app, make_secret(cast))


def award_body(cast: Cast, **changes: Any) -> dict[str, Any]:
    account_id = factories.enrol(cast).id
    return {"accountId": account_id, "points": 1, "reason": "purchase", **changes}


Sized = Callable[[int], dict[str, Any]]

AWARDS: dict[str, tuple[int, str, Sized]] = {
    "reason": (500, "reason", lambda size: {"reason": WIDE * size}),
    "points": (10_000_000, "points", lambda size: {"points": size}),
    "metadata keys": (
        50,
        "metadata",
        lambda size: {"metadata": {f"{number:02}{WIDE}": "v" for number in range(size)}},
    ),
    "a metadata key": (40, "metadata", lambda size: {"metadata": {WIDE * size: "v"}}),
    "a metadata value": (500, "metadata.k", lambda size: {"metadata": {"k": WIDE * size}}),
    "source id": (
        255,
        "source.id",
        lambda size: {"source": {"type": "payment", "id": "p" * size}},
    ),
    "source type": (
        40,
        "source.type",
        lambda size: {"source": {"type": "t" * size, "id": "p"}},
    ),
}


@pytest.mark.parametrize("name", AWARDS)
def test_an_award_takes_what_is_just_within_and_nothing_past_it(
    cast: Cast, api: Program, name: str
) -> None:
    most, param, sized = AWARDS[name]
    within, past = sized(most), sized(most + 1)

    refused = api.post(AWARD, award_body(cast, **past))
    taken = api.post(AWARD, award_body(cast, **within))

    assert refused.status == 400, refused.text
    assert str(refused.param).startswith(param)
    assert taken.status == 201, taken.text
    (shown,) = api.get("/loyalty/points", accountId=taken.body["accountId"]).body["data"]
    for key, value in within.items():
        told = shown[key] if key != "source" else {part: shown[key][part] for part in value}
        assert told == value
    assert factories.verify(cast).fault is None


CUSTOMERS: dict[str, tuple[int, Sized]] = {
    "name": (200, lambda size: {"name": WIDE * size}),
    "email": (254, lambda size: {"email": "m@" + ("e" * 60 + ".") * 4 + "e" * (size - 246)}),
    "phone": (40, lambda size: {"phone": "+353 87 " + " " * (size - 15) + "1234471"}),
    "cardNumber": (64, lambda size: {"cardNumber": "7" * size}),
    "id": (255, lambda size: {"id": "ø" * size}),
}


@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_customer_takes_what_is_just_within_and_nothing_past_it(
    cast: Cast, api: Program, name: str
) -> None:
    most, sized = CUSTOMERS[name]

    refused = api.post("/customers", sized(most + 1))
    taken = api.post("/customers", sized(most))

    assert (refused.status, refused.param) == (400, name), refused.text
    assert taken.status == 201, taken.text
    shown = api.get(f"/customers/{taken.body['id']}").body
    assert shown[name] == sized(most)[name].strip()


def test_a_key_of_255_characters_is_a_key(cast: Cast, api: Program) -> None:
    body = award_body(cast)

    first, again = (api.post(AWARD, body, key="k" * 255) for _ in range(2))

    assert (first.status, again.status) == (201, 201)
    assert first.text == again.text


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
    "gzip": (lambda text: gzip.compress(text.encode()), {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_body_in_anything_but_plain_utf_8_is_refused(cast: Cast, api: Program, name: str) -> None:
    written, headers = ENCODINGS[name]
    body = json.dumps(award_body(cast, reason="Café"), ensure_ascii=False)

    answer = send(api, written(body), headers)

    assert (answer.status, answer.code) == (400, "parameter_invalid"), answer.text
    assert answer.param == "body"
    assert not any(records.entries_of(cast, each) for each in records.members_of(cast))


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8"])
def test_what_is_said_of_utf_8_does_not_matter(cast: Cast, api: Program, kind: str) -> None:
    body = json.dumps(award_body(cast, reason="Café 😀"), ensure_ascii=False).encode()

    answer = send(api, body, {"Content-Type": kind})

    assert (answer.status, answer.body["reason"]) == (201, "Café 😀")


def send(api: Program, data: bytes, headers: dict[str, str]) -> Reply:
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {api.secret}", **headers}
    return Reply(api.app.test_client().post(f"/v1{AWARD}", data=data, headers=given))
