"""The log of requests: what happened, linked to the ledger, with nothing personal in it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from app import clock
from app.db.statements import IN_BULK_COUNT
from app.models.api_requests import ApiRequest
from app.services.api_keys import request_log
from app.services.api_keys.request_log import RequestFilters
from app.services.ledger import acts
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, Reply


def logged(cast: Cast, api: Program, answer: Reply) -> ApiRequest:
    api.logged()
    with cast.database.reading() as session:
        return request_log.get_request(
            session,
            workspace_id=cast.workspace_id,
            request_id=answer.response.headers["X-Request-Id"],
        )


def test_a_request_is_written_down(cast: Cast, api: Program) -> None:
    body = {"accountId": factories.enrol(cast).id, "points": 250, "reason": "purchase"}
    first = logged(cast, api, api.post("/loyalty/points/award", body, key="k"))
    again = logged(cast, api, api.post("/loyalty/points/award", body, key="k"))
    refused = logged(cast, api, api.post("/loyalty/points/award", {**body, "points": 0}))

    assert (first.method, first.path, first.status) == ("POST", "/v1/loyalty/points/award", 201)
    assert (first.idempotency_key, first.replayed, first.error_code) == ("k", "", "")
    assert again.replayed == "true"
    assert (refused.status, refused.error_code) == (400, "parameter_invalid")
    assert first.duration_ms > 0


def test_nothing_personal_is_kept(cast: Cast, api: Program) -> None:
    person = {
        "name": "Ngozi Okafor",
        "email": "ngozi@example.com",
        "phone": "+353 87 123 4471",
        "cardNumber": "98260042",
        "metadata": {"nick": "Zizi"},
        "mail": "z@example.com",
    }

    text = logged(cast, api, api.post("/customers", person)).body

    for word in ("Ngozi", "ngozi", "4471", "98260042", "Zizi", "z@example"):
        assert word not in text
    assert '"metadata"' in text


def test_mail_addresses_as_ids_are_masked(cast: Cast, api: Program) -> None:
    made = logged(cast, api, api.post("/customers", {"id": "ngozi@example.com"}))
    read = logged(cast, api, api.get("/customers/ngozi@example.com"))

    assert '"id": "•••"' in made.body
    assert read.path == "/v1/customers/•••"


def test_entries_and_requests_lead_to_each_other(cast: Cast, api: Program) -> None:
    member = factories.enrol(cast)
    reward = factories.make_reward(cast, points_cost=50)
    award = {"accountId": member.id, "points": 250, "reason": "purchase"}
    awarded = api.post("/loyalty/points/award", award)
    redeemed = api.post("/loyalty/redemptions", {"accountId": member.id, "rewardId": reward.id})
    cancelled = api.post(f"/loyalty/redemptions/{redeemed.body['id']}/cancel")
    by_hand = factories.award(cast, member, 5)
    api.logged()

    made = {}
    with cast.database.reading() as session:
        for answer in (awarded, redeemed, cancelled):
            request_id = answer.response.headers["X-Request-Id"]
            (entry,) = request_log.list_entries(
                session, workspace_id=cast.workspace_id, request_id=request_id
            )
            made[request_id] = entry.kind
            found = request_log.find_maker(session, entry=entry)
            assert found is not None
            assert found.id == request_id
        entry = acts.get_entry(session, workspace_id=cast.workspace_id, entry_id=by_hand.id)
        assert request_log.find_maker(session, entry=entry) is None
    assert list(made.values()) == ["award", "redemption", "cancellation"]


def test_the_log_is_listed_and_ends_after_30_days(cast: Cast, api: Program) -> None:
    with clock.set_to(clock.now() - timedelta(days=31)):
        api.get("/loyalty/programs")
        api.logged()
    api.get("/loyalty/programs")
    api.get("/loyalty/programs/none")
    api.logged()

    with cast.database.writing() as session:
        given: dict[str, Any] = {"workspace_id": cast.workspace_id}
        assert len(request_log.list_requests(session, **given).rows) == 3
        request_log.remove_old(session, **given)
        rows = request_log.list_requests(session, **given).rows
        failed = request_log.list_requests(
            session, filters=RequestFilters(failed_only=True), **given
        ).rows
        calls = [("GET", "/v1/loyalty/programs"), ("GET", "/v1/loyalty/programs/{id}")]
        seen = request_log.list_seen_calls(session, among=calls, **given)
    assert [row.status for row in rows] == [404, 200]
    assert [row.status for row in failed] == [404]
    assert seen == {("GET", "/v1/loyalty/programs")}


def test_a_crowd_of_requests_is_written_down_whole(cast: Cast, api: Program) -> None:
    for _ in range(IN_BULK_COUNT + 5):
        api.get("/loyalty/programs")
    api.logged()

    with cast.database.reading() as session:
        rows = request_log.list_requests(session, workspace_id=cast.workspace_id, limit=100).rows
    assert [(row.method, row.status) for row in rows] == [("GET", 200)] * (IN_BULK_COUNT + 5)


def test_a_request_without_a_good_key_is_in_nobodys_log(cast: Cast, api: Program) -> None:
    Program(api.app, "sk_test_wrong").get("/loyalty/programs")
    api.logged()

    with cast.database.reading() as session:
        assert not request_log.list_requests(session, workspace_id=cast.workspace_id).rows
