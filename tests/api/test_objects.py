"""Programs, customers, rewards and webhook endpoints: make, read, change (spec section 5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories
from tests.cast import Cast
from tests.support.api import Program

TIERS = [
    {"key": "bronze", "name": "Bronze", "threshold": 0, "multiplier": 1},
    {"key": "gold", "name": "Gold", "threshold": 5000, "multiplier": 1.5},
]


def test_a_program_is_made_read_and_changed(cast: Cast, api: Program) -> None:
    sent = {
        "name": "Beans",
        "currencyName": "beans",
        "pointValue": 0.8,
        "earnRate": 10,
        "earnRounding": "nearest",
        "tiers": TIERS,
        "metadata": {"shop": "quay"},
    }

    made = api.post("/loyalty/programs", sent)

    assert made.status == 201
    assert {name: made.body[name] for name in sent} == sent
    assert made.body["timeZone"] == "Europe/Dublin"
    path = f"/loyalty/programs/{made.body['id']}"
    changed = api.patch(path, {"pointValue": 1, "timeZone": "Asia/Tokyo", "metadata": {}}).body
    assert changed == {
        **made.body,
        "pointValue": 1,
        "timeZone": "Asia/Tokyo",
        "metadata": {},
    }
    assert api.get(path).body == changed


def test_new_tiers_move_the_members(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 600)

    api.patch(f"/loyalty/programs/{cast.program_id}", {"tiers": TIERS})

    assert api.get(f"/loyalty/accounts/{member.id}").body["tier"] == "bronze"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"pointValue": 0.8001}, "pointValue"),
        ({"earnRounding": "sideways"}, "earnRounding"),
        ({"tiers": [{**TIERS[0], "multiplier": 1.555}]}, "tiers.0.multiplier"),
        ({"tiers": [{**TIERS[0], "multiplier": -1}]}, "tiers.0.multiplier"),
        ({"pointValue": -1}, "pointValue"),
        ({"timeZone": "Mars/Olympus"}, "timeZone"),
        ({"tiers": [TIERS[1]]}, "tiers"),
        ({"tiers": [TIERS[0], TIERS[0]]}, "tiers"),
        ({"tiers": [{"key": "a", "name": "A"}]}, "tiers.0.threshold"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"id": "prog_1"}, "id"),
    ],
)
def test_a_wrong_rule_changes_nothing(
    cast: Cast, api: Program, change: dict[str, Any], param: str
) -> None:
    path = f"/loyalty/programs/{cast.program_id}"
    before = api.get(path).body

    answer = api.patch(path, change)

    assert (answer.status, answer.param) == (400, param)
    assert api.get(path).body == before


def test_a_customer_is_made_read_and_changed(cast: Cast, api: Program) -> None:
    sent = {
        "id": "shop/42 ü",
        "name": "Ngozi Okafor",
        "email": "ngozi@example.com",
        "phone": "+353 87 123 4471",
        "cardNumber": "9826-0042",
        "metadata": {"since": "2019"},
    }

    made = api.post("/customers", sent)

    assert made.status == 201
    assert {name: made.body[name] for name in sent} == sent
    path = "/customers/shop%2F42%20%C3%BC"
    changed = api.patch(path, {"phone": None, "name": "Ngozi Adeyemi"}).body
    assert changed == {**made.body, "phone": None, "name": "Ngozi Adeyemi"}
    assert api.get(path).body == changed
    again = api.post("/customers", sent)
    assert (again.status, again.code, again.param) == (422, "parameter_invalid", "id")


def test_a_changed_customer_is_told_of_for_each_account(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast, "Ngozi", customer_id="cust_1")

    api.patch("/customers/cust_1", {"email": "n@example.com"})
    api.patch("/customers/cust_1", {"email": "n@example.com"})

    told = api.get("/events", type="loyalty.account.updated").body["data"]
    assert [each["data"]["id"] for each in told] == [member.id]
    assert told[0]["data"]["livemode"] is False


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "x"}, "phone"),
        ({"card_number": "1"}, "card_number"),
    ],
)
def test_a_wrong_record_is_refused_by_name(
    api: Program, change: dict[str, Any], param: str
) -> None:
    answer = api.post("/customers", {"name": "Ngozi", **change})

    assert (answer.status, answer.param) == (400, param)


@pytest.mark.parametrize(
    ("terms", "value"),
    [
        ({"type": "free_product"}, None),
        ({"type": "partner", "value": None}, None),
        ({"type": "discount_percent", "value": 50}, 50),
        ({"type": "discount_amount", "value": 500}, 500),
        ({"type": "store_credit", "value": 2000}, 2000),
    ],
)
def test_a_reward_of_each_type_is_made(
    cast: Cast, api: Program, terms: dict[str, Any], value: int | None
) -> None:
    body = {"programId": cast.program_id, "name": "Treat", "pointsCost": 450, **terms}

    made = api.post("/loyalty/rewards", body)

    assert (made.status, made.body["value"]) == (201, value)
    assert api.get(f"/loyalty/rewards/{made.body['id']}").body == made.body


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        ({"type": "discount_percent", "value": 101}, "value"),
        ({"type": "discount_amount"}, "value"),
        ({"type": "free_product", "value": 5}, "value"),
        ({"type": "cash", "value": 5}, "type"),
        ({}, "type"),
        ({"type": "partner", "startsAt": "2026-04-01T09:00:00"}, "startsAt"),
        ({"type": "partner", "startsAt": "tomorrow"}, "startsAt"),
        (
            {
                "type": "partner",
                "startsAt": "2026-04-01T09:00:00Z",
                "endsAt": "2026-04-01T10:00:00+01:00",
            },
            "endsAt",
        ),
        ({"type": "partner", "minTier": "platinum"}, "minTier"),
        ({"type": "partner", "stock": -1}, "stock"),
        ({"type": "partner", "counterKey": 3}, "counterKey"),
    ],
)
def test_wrong_terms_are_refused_by_name(
    cast: Cast, api: Program, terms: dict[str, Any], param: str
) -> None:
    body = {"programId": cast.program_id, "name": "Treat", "pointsCost": 450, **terms}

    answer = api.post("/loyalty/rewards", body)

    assert (answer.status, answer.param) == (400, param)


def test_a_reward_is_changed_in_part_and_archived(cast: Cast, api: Program) -> None:
    reward = factories.make_reward(cast, stock=5, counter_key=3, per_member_limit=2)
    path = f"/loyalty/rewards/{reward.id}"
    before = api.get(path).body

    changed = api.patch(
        path, {"pointsCost": 300, "stock": 9, "endsAt": "2099-04-01T10:00:00+02:00"}
    )

    assert changed.body == {
        **before,
        "pointsCost": 300,
        "stock": 9,
        "endsAt": "2099-04-01T08:00:00.000Z",
    }
    assert factories.reload_reward(cast, reward).counter_key == 3
    assert api.patch(path, {"type": "discount_percent"}).param == "value"
    assert api.post(f"{path}/archive").body["status"] == "archived"
    assert api.post(f"{path}/archive").status == 200


def test_a_webhook_endpoint_lives_and_goes(api: Program) -> None:
    made = api.post("/webhook-endpoints", {"url": "https://shop.example.com/hooks"})
    path = f"/webhook-endpoints/{made.body['id']}"

    assert made.status == 201
    assert made.body["secret"].startswith("whsec_")
    shown = {name: value for name, value in made.body.items() if name != "secret"}
    assert api.get(path).body == shown
    changes = {"status": "disabled", "enabledEvents": ["loyalty.points.earned"]}
    assert api.patch(path, changes).body == {**shown, **changes}
    gone = {"object": "webhook_endpoint", "id": shown["id"], "deleted": True}
    assert api.delete(path).body == gone
    assert api.get(path).code == api.delete(path).code == "resource_missing"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"url": "http://shop.example.com"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://ann:secret@shop.example.com"}, "url"),
        ({"url": "https://shop.example.com:99999"}, "url"),
        ({"url": "ftp://shop.example.com"}, "url"),
        ({"url": "https://shop.example.com/a b"}, "url"),
        ({"url": "https://shop.example.com", "enabledEvents": []}, "enabledEvents"),
        ({"url": "https://shop.example.com", "enabledEvents": ["x"]}, "enabledEvents.0"),
        (
            {"url": "https://shop.example.com", "enabledEvents": ["*", "loyalty.points.earned"]},
            "enabledEvents",
        ),
    ],
)
def test_a_wrong_endpoint_is_refused_by_name(
    api: Program, body: dict[str, Any], param: str
) -> None:
    answer = api.post("/webhook-endpoints", body)

    assert (answer.status, (answer.param or "").split(".literal")[0]) == (400, param)
