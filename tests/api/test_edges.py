"""Sizes at the edge and one past it: kept whole, or refused by name.

Both databases: PostgreSQL counts the characters of its columns and SQLite counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.db.database import Database
from tests import factories
from tests.cast import Cast
from tests.support.api import Program
from tests.support.shops import shop_in

AWARD = "/loyalty/points/award"
WIDE = "😀"
"""Four bytes of UTF-8, and two units of UTF-16: whoever counts either counts wrong."""


@pytest.fixture
def cast(database: Database) -> Cast:
    """Give the shop on each database."""
    return shop_in(database)


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
