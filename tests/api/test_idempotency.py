"""One key, one effect, one answer, byte for byte (spec section 4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.crowd import CROWD, crowd
from tests.support.settings import make_settings

AWARD = "/loyalty/points/award"


def body_for(cast: Cast, **changes: Any) -> dict[str, Any]:
    member = factories.enrol(cast)
    return {"accountId": member.id, "points": 250, "reason": "purchase", **changes}


def test_a_repeated_request_gives_the_first_answer_as_it_was(cast: Cast, api: Program) -> None:
    enrolment = {"programId": cast.program_id, "customerId": "cust_1"}
    first = api.post("/loyalty/accounts", enrolment, key="enrol-1")
    factories.award(cast, factories.enrol(cast, customer_id="cust_1"), 250)

    again = api.post("/loyalty/accounts", enrolment, key="enrol-1")

    assert (again.status, again.text) == (201, first.text)
    assert (first.replayed, again.replayed) == (None, "true")
    assert again.body["balance"] == 0


def test_the_order_of_fields_and_white_space_make_no_other_request(
    cast: Cast, api: Program
) -> None:
    member = factories.enrol(cast)
    headers = {"Idempotency-Key": "k"}
    texts = [
        f'{{"accountId":"{member.id}","points":5,"reason":"a"}}',
        f'{{ "reason":"a", "points":5, "accountId":"{member.id}" }}',
    ]

    answers = [
        api._send("POST", AWARD, data=text, content_type="application/json", headers=headers)
        for text in texts
    ]

    assert answers[0].text == answers[1].text


def test_another_endpoint_under_the_same_key_is_a_conflict(cast: Cast, api: Program) -> None:
    first = api.post(AWARD, body_for(cast), key="k")

    answer = api.post("/loyalty/points/reverse", {"transactionId": first.body["id"]}, key="k")
    assert answer.code == "parameter_missing"
    reversal = {"transactionId": first.body["id"], "reason": "refund"}
    answer = api.post("/loyalty/points/reverse", reversal, key="k")

    assert (answer.status, answer.code) == (409, "idempotency_conflict")
    assert api.get(f"/loyalty/accounts/{first.body['accountId']}").body["balance"] == 250


def test_another_workspace_has_keys_of_its_own(cast: Cast, api: Program, live_api: Program) -> None:
    program = {"name": "Regulars", "tiers": []}

    answers = [each.post("/loyalty/programs", program, key="k") for each in (api, live_api)]

    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body["id"] != answers[1].body["id"]
    assert [answer.body["livemode"] for answer in answers] == [False, True]


def test_a_refused_request_may_be_tried_again_under_its_key(cast: Cast, api: Program) -> None:
    member, reward = factories.enrol(cast), factories.make_reward(cast)
    body = {"accountId": member.id, "rewardId": reward.id}
    assert api.post("/loyalty/redemptions", body, key="k").code == "insufficient_points"
    factories.award(cast, member, 450)

    answer = api.post("/loyalty/redemptions", body, key="k")

    assert (answer.status, answer.replayed) == (201, None)


def test_without_a_key_each_request_acts(cast: Cast, api: Program) -> None:
    body = body_for(cast)

    assert [api.post(AWARD, body).body["balanceAfter"] for _ in range(2)] == [250, 500]


def test_a_source_is_awarded_once_for_ever(cast: Cast, api: Program) -> None:
    body = body_for(cast, source={"type": "payment", "id": "pay_3xZ9q"})
    first = api.post(AWARD, body, key="one")

    again = api.post(AWARD, body, key="two")

    assert (again.status, again.replayed) == (200, "source")
    assert again.body == first.body
    assert api.post(AWARD, body, key="two").replayed == "true"


@pytest.mark.parametrize("kind", ["postgres", "sqlite"])
def test_one_key_of_many_at_once_has_one_effect_and_one_answer(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    shop = factories.make_cast(request.getfixturevalue(kind))
    app = create_app(make_settings(shop.database, tmp_path), shop.database)
    api = Program(app, make_secret(shop))
    body = body_for(shop)

    answers = crowd(lambda _: api.post(AWARD, body, key="award-pay_3xZ9q"))

    assert answers.faults == []
    assert {answer.status for answer in answers.given} == {201}
    assert len({answer.text for answer in answers.given}) == 1
    replayed = [answer for answer in answers.given if answer.replayed == "true"]
    assert len(replayed) == CROWD - 1
    assert api.get(f"/loyalty/accounts/{body['accountId']}").body["balance"] == 250
    assert factories.verify(shop).fault is None
