"""Events reach real receivers: at least once, signed, and nobody waits for anybody else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app import clock
from app.metrics import Metrics
from app.models.outbox import Event
from app.rules import retrying
from app.services.webhooks import deliveries as webhook_deliveries
from app.services.webhooks import endpoints
from app.services.webhooks.deliveries import Job
from app.worker.delivering import Deliverer
from tests import factories
from tests.cast import Cast
from tests.support.crowd import crowd
from tests.support.receivers import receiving, slow, status
from tests.support.webhooks import attempts, deliver, deliveries, endpoint_now, subscribe


@pytest.fixture
def deliverer(cast: Cast) -> Iterator[Deliverer]:
    found = Deliverer(cast.database, allows_private=True, metrics=Metrics())
    yield found
    assert found.wait()
    found.close()


def test_an_event_arrives_signed_and_as_it_was(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver, "loyalty.points.earned")
        entry = factories.award(cast, factories.enrol(cast, "Kovářová"), 250)
        deliver(deliverer)

    ((headers, body),) = receiver.received
    told = Webhook(endpoint.secret).verify(body, headers)
    assert (told["type"], told["data"]["id"]) == ("loyalty.points.earned", entry.id)
    assert set(told) == {"id", "type", "createdAt", "livemode", "sequence", "data"}
    assert told["data"]["livemode"] is told["livemode"] is False
    assert headers["host"].startswith("localhost:")
    (delivery,) = deliveries(cast)
    assert (delivery.status, delivery.attempt_count) == ("delivered", 1)
    (attempt,) = attempts(cast)
    assert (attempt.status, attempt.answer_start, attempt.error) == (200, "noted", "")


def test_a_failure_is_tried_again_under_the_same_id(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(500, 503, 200)) as receiver:
        endpoint = subscribe(cast, receiver)
        factories.enrol(cast)
        deliver(deliverer)
        deliver(deliverer)
        assert len(receiver.ids) == 1
        assert endpoint_now(cast, endpoint).failing_since is not None
        for wait in (7, 80):
            with clock.set_to(clock.now() + timedelta(seconds=wait)):
                deliver(deliverer)

    assert len(set(receiver.ids)) == 1
    assert [attempt.status for attempt in attempts(cast)] == [500, 503, 200]
    assert deliveries(cast)[0].status == "delivered"
    assert endpoint_now(cast, endpoint).failing_since is None


def test_after_all_attempts_it_has_failed(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(500)) as receiver:
        subscribe(cast, receiver)
        factories.enrol(cast)
        for _ in range(10):
            with clock.set_to(clock.now() + timedelta(days=2)):
                deliver(deliverer)

    assert len(receiver.ids) == 1 + len(retrying.WAITS_SECONDS)
    assert deliveries(cast)[0].status == "failed"


def test_who_is_gone_is_asked_no_more(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(410)) as receiver:
        endpoint = subscribe(cast, receiver)
        factories.enrol(cast)
        deliver(deliverer)
        factories.enrol(cast)
        with clock.set_to(clock.now() + timedelta(days=1)):
            deliver(deliverer)

    found = endpoint_now(cast, endpoint)
    assert len(receiver.ids) == 1
    assert (found.status, found.disabled_reason) == (
        "disabled",
        "It answered that it is gone (410).",
    )


def test_three_days_of_failures_disable_an_endpoint(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(500)) as receiver:
        endpoint = subscribe(cast, receiver)
        factories.enrol(cast)
        deliver(deliverer)
        with cast.database.writing() as session:
            row = endpoints.get_endpoint(
                session, workspace_id=cast.workspace_id, endpoint_id=endpoint.id
            )
            row.failing_since = clock.now() - timedelta(days=3, seconds=1)
        with clock.set_to(clock.now() + timedelta(seconds=10)):
            deliver(deliverer)

    assert endpoint_now(cast, endpoint).status == "disabled"


def test_a_redirect_is_a_failure_and_is_not_followed(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(200)) as target, receiving(status(302, Location=target.url)) as door:
        subscribe(cast, door)
        factories.enrol(cast)
        deliver(deliverer)

    assert (len(door.received), len(target.received)) == (1, 0)
    assert deliveries(cast)[0].status == "waiting"


def test_a_receiver_may_ask_for_more_time(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(429, Retry_After="600")) as receiver:
        subscribe(cast, receiver)
        factories.enrol(cast)
        deliver(deliverer)

    assert deliveries(cast)[0].next_attempt_at > clock.now() + timedelta(seconds=590)


def test_only_the_chosen_types_are_sent_and_nothing_from_before(
    cast: Cast, deliverer: Deliverer
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 10)
    deliver(deliverer)
    with receiving(status(200)) as receiver:
        subscribe(cast, receiver, "loyalty.points.reversed")
        entry = factories.award(cast, member, 10)
        factories.reverse(cast, entry)
        deliver(deliverer)

    (body,) = [json.loads(body) for _, body in receiver.received]
    assert body["type"] == "loyalty.points.reversed"
    with cast.database.reading() as session:
        waiting = select(Event.id).where(
            Event.workspace_id == cast.workspace_id, Event.is_dispatched.is_(False)
        )
        assert session.scalars(waiting).all() == []


def test_a_slow_receiver_delays_nobody_else(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(slow(2)) as late, receiving(status(200)) as prompt:
        for receiver in (late, prompt):
            subscribe(cast, receiver)
        for _ in range(20):
            factories.enrol(cast)
        began = time.monotonic()
        while len(prompt.ids) < 20 and time.monotonic() - began < 10:
            deliverer.turn()
            deliverer.rest(0.05)
        took = time.monotonic() - began
        assert deliverer.wait()

    assert len(prompt.ids) == 20
    assert took < 2


def test_a_lease_of_a_dead_worker_runs_out(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(200)) as receiver:
        subscribe(cast, receiver)
        factories.enrol(cast)
        with cast.database.writing() as session:
            webhook_deliveries.dispatch(session, workspace_id=cast.workspace_id)
            (lost,) = webhook_deliveries.claim(session, workspace_id=cast.workspace_id, busy={})
        deliver(deliverer)
        assert receiver.ids == []
        with clock.set_to(clock.now() + timedelta(seconds=61)):
            deliver(deliverer)

    assert receiver.ids == [lost.event_id]
    with cast.database.writing() as session:
        late = webhook_deliveries.Answer(duration_ms=1, status=500)
        assert not webhook_deliveries.finish(session, job=lost, answer=late, luck=0)
    assert deliveries(cast)[0].status == "delivered"


def test_two_workers_never_send_the_same_attempt(cast: Cast) -> None:
    workers = [Deliverer(cast.database, allows_private=True, metrics=Metrics()) for _ in range(2)]
    with receiving(status(200)) as receiver:
        subscribe(cast, receiver)
        for _ in range(40):
            factories.enrol(cast)
        threads = [threading.Thread(target=deliver, args=(each,)) for each in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in workers:
            deliver(each)
            each.close()

    assert [each.error for each in attempts(cast) if each.error] == []
    assert len(receiver.ids) == 40
    assert len(set(receiver.ids)) == 40


def test_a_delivery_is_claimed_by_one_of_many(cast: Cast) -> None:
    with receiving(status(200)) as receiver:
        subscribe(cast, receiver)
    for _ in range(5):
        factories.enrol(cast)
    with cast.database.writing() as session:
        webhook_deliveries.dispatch(session, workspace_id=cast.workspace_id)

    def claim(_number: int) -> list[Job]:
        with cast.database.writing() as session:
            return webhook_deliveries.claim(session, workspace_id=cast.workspace_id, busy={})

    answers = crowd(claim, count=12)

    assert answers.faults == []
    claimed = [job.delivery_id for jobs in answers.given for job in jobs]
    assert len(claimed) == len(set(claimed)) == 5
