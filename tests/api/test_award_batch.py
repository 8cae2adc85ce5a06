"""POST /points/award-batch: many awards, each with its own key and outcome."""

from __future__ import annotations

from typing import Any

import pytest

from app.services.members import enrolment
from tests import factories
from tests.api.test_idempotency import AWARD
from tests.cast import Cast
from tests.support import records
from tests.support.api import Program

BATCH = "/loyalty/points/award-batch"


def award(member_id: str, key: str, **changes: Any) -> dict[str, Any]:
    """Give one award of a batch."""
    body = {"idempotencyKey": key, "accountId": member_id, "points": 10, "reason": "purchase"}
    return {**body, **changes}


def test_each_award_has_its_outcome_and_the_refused_leave_the_others_alone(
    cast: Cast, api: Program
) -> None:
    first, second, closed = (factories.enrol(cast) for _ in range(3))
    with cast.database.writing() as session:
        enrolment.close(
            session, workspace_id=cast.workspace_id, member_id=closed.id, by=cast.manager
        )

    answer = api.post(
        BATCH,
        {
            "awards": [
                award(first.id, "a", metadata={"order": "1"}),
                award(closed.id, "b"),
                award("loy_nobody", "c"),
                award(second.id, "d", points=20),
                award(first.id, "e", points=5),
            ]
        },
    )

    assert answer.status == 200
    outcomes = answer.body["data"]
    assert [each["idempotencyKey"] for each in outcomes] == ["a", "b", "c", "d", "e"]
    assert [each["status"] for each in outcomes] == [201, 422, 404, 201, 201]
    assert [each["error"] and each["error"]["code"] for each in outcomes] == [
        None,
        "member_closed",
        "resource_missing",
        None,
        None,
    ]
    assert [each["transaction"] and each["transaction"]["balanceAfter"] for each in outcomes] == [
        10,
        None,
        None,
        20,
        15,
    ]
    assert [entry.seq for entry in records.entries_of(cast, first)] == [1, 2]
    assert len(records.events_of(cast, "loyalty.points.earned")) == 3
    assert factories.verify(cast).fault is None


def test_a_batch_sent_twice_acts_once_and_answers_alike(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    body = {"awards": [award(member.id, f"k{number}") for number in range(30)]}

    first = api.post(BATCH, body).body["data"]
    again = api.post(BATCH, body).body["data"]

    assert not any(each["replayed"] for each in first)
    assert all(each["replayed"] for each in again)
    assert [each["transaction"] for each in again] == [each["transaction"] for each in first]
    assert factories.reload(cast, member).balance == 300


def test_a_key_means_the_same_alone_and_in_a_batch(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    one = award(member.id, "k1")
    alone = {name: value for name, value in one.items() if name != "idempotencyKey"}
    single = api.post(AWARD, alone, key="k1")

    in_a_batch = api.post(BATCH, {"awards": [one, award(member.id, "k2")]}).body["data"]
    single_again = api.post(AWARD, alone, key="k2")

    assert in_a_batch[0]["transaction"] == single.body
    assert (in_a_batch[0]["replayed"], in_a_batch[0]["status"]) == (True, 201)
    assert single_again.body == in_a_batch[1]["transaction"]
    assert single_again.replayed == "true"
    assert factories.reload(cast, member).balance == 20


def test_a_key_of_another_request_is_a_conflict_of_that_award_alone(
    cast: Cast, api: Program
) -> None:
    member = factories.enrol(cast)
    api.post(BATCH, {"awards": [award(member.id, "k1")]})

    answer = api.post(BATCH, {"awards": [award(member.id, "k1", points=11), award(member.id, "x")]})

    told = answer.body["data"]
    assert (told[0]["status"], told[0]["error"]["code"]) == (409, "idempotency_conflict")
    assert told[1]["status"] == 201
    assert factories.reload(cast, member).balance == 20


def test_a_source_is_awarded_once_for_ever(cast: Cast, api: Program) -> None:
    member, other = factories.enrol(cast), factories.enrol(cast)
    source = {"type": "payment", "id": "pay_1"}
    first = api.post(BATCH, {"awards": [award(member.id, "k1", source=source)]}).body["data"][0]

    (again,) = api.post(BATCH, {"awards": [award(member.id, "k2", source=source)]}).body["data"]
    (others,) = api.post(BATCH, {"awards": [award(other.id, "k3", source=source)]}).body["data"]

    assert (again["status"], again["replayed"]) == (200, True)
    assert again["transaction"] == first["transaction"]
    assert (others["status"], others["error"]["code"]) == (409, "source_conflict")
    assert first["transaction"]["id"] in others["error"]["message"]
    assert factories.reload(cast, other).balance == 0


def test_the_key_of_a_refused_award_may_be_used_again(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    source = {"type": "payment", "id": "pay_1"}
    refused = {"awards": [award("loy_nobody", "k1", source=source)]}
    assert api.post(BATCH, refused).body["data"][0]["status"] == 404

    (told,) = api.post(BATCH, {"awards": [award(member.id, "k1", source=source)]}).body["data"]

    assert told["status"] == 201


@pytest.mark.parametrize(
    ("awards", "param"),
    [
        ([], "awards"),
        ([award("loy_1", "k", points=0)], "awards.0.points"),
        ([award("loy_1", "k"), {"accountId": "loy_1"}], "awards.1.points"),
        ([award("loy_1", "k"), award("loy_1", "k")], "awards.1.idempotencyKey"),
        (
            [
                award("loy_1", "k", source={"type": "payment", "id": "p"}),
                award("loy_1", "l", source={"type": "payment", "id": "p"}),
            ],
            "awards.1.source",
        ),
        ([award("loy_1", f"k{number}") for number in range(1001)], "awards"),
        ([award("loy_1", "k", extra=1)], "awards.0.extra"),
        ([award("loy_1", "Schlüssel")], "awards.0.idempotencyKey"),
    ],
)
def test_a_batch_that_is_not_clear_is_refused_whole(
    cast: Cast, api: Program, awards: list[Any], param: str
) -> None:
    before = records.count_written(cast)

    answer = api.post(BATCH, {"awards": awards})

    assert answer.status == 400, answer.text
    assert answer.param == param
    assert records.count_written(cast) == before


def test_a_thousand_awards_go_in_one_request_and_a_mebibyte_is_the_most(
    cast: Cast, api: Program
) -> None:
    people = [factories.enrol(cast) for _ in range(20)]
    many = [award(people[number % 20].id, f"k{number}") for number in range(1000)]

    answer = api.post(BATCH, {"awards": many})
    too_large = api.post(BATCH, {"awards": [award("loy_1", "k", reason="x" * 1_100_000)]})

    assert [each["status"] for each in answer.body["data"]] == [201] * 1000
    assert {factories.reload(cast, each).balance for each in people} == {500}
    assert too_large.status == 413
    assert api.post(AWARD, {"reason": "x" * 70_000}).status == 413
    assert factories.verify(cast).fault is None


def test_a_key_in_the_header_is_the_whole_batchs(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    refused = factories.close(cast, factories.enrol(cast))
    body = {"awards": [award(member.id, "a"), award(refused.id, "b")]}

    first = api.post(BATCH, body, key="nightly")
    factories.reopen(cast, refused)
    again = api.post(BATCH, body, key="nightly")
    other = api.post(BATCH, {"awards": [award(member.id, "c")]}, key="nightly")

    assert again.text == first.text
    assert again.response.headers["Idempotent-Replayed"] == "true"
    assert [each["status"] for each in first.body["data"]] == [201, 422]
    assert (other.status, other.code, other.param) == (
        409,
        "idempotency_conflict",
        "Idempotency-Key",
    )
    assert factories.reload(cast, member).balance == 10


def test_a_used_key_within_a_batch_is_told_as_the_field_that_it_is(
    cast: Cast, api: Program
) -> None:
    member = factories.enrol(cast)
    api.post(BATCH, {"awards": [award(member.id, "a")]})

    answer = api.post(BATCH, {"awards": [award(member.id, "a", points=11)]})

    (outcome,) = answer.body["data"]
    assert (outcome["status"], outcome["error"]["param"]) == (409, "idempotencyKey")
    assert "new key" in outcome["error"]["message"]


def test_the_key_of_the_batch_is_no_key_of_an_award(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    body = {"awards": [award(member.id, "a"), award(member.id, "nightly")]}

    answer = api.post(BATCH, body, key="nightly")

    assert (answer.status, answer.param) == (400, "awards.1.idempotencyKey")
    assert factories.reload(cast, member).balance == 0
    assert api.post(BATCH, body).status == 200
    assert factories.reload(cast, member).balance == 20
