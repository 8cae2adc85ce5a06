"""What a person asks for: a test, once more, a range of time, another secret."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app import clock, errors
from app.metrics import Metrics
from app.models.webhooks import WebhookEndpoint, WebhookResend
from app.rules import retrying
from app.services.webhooks import deliveries as webhook_deliveries
from app.services.webhooks import delivery_log, resends
from app.services.webhooks import endpoints as webhook_endpoints
from app.worker.delivering import Deliverer
from tests import factories
from tests.cast import Cast
from tests.support.crowd import crowd
from tests.support.receivers import receiving, status
from tests.support.webhooks import amend, deliver, deliveries, subscribe


@pytest.fixture
def deliverer(cast: Cast) -> Iterator[Deliverer]:
    found = Deliverer(cast.database, allows_private=True, metrics=Metrics())
    yield found
    assert found.wait()
    found.close()


def resend_range(
    cast: Cast, endpoint: WebhookEndpoint, since: datetime, until: datetime, **more: Any
) -> WebhookResend:
    given: dict[str, Any] = {"with_delivered": False, "by": cast.manager, **more}
    with cast.database.writing() as session:
        return resends.resend_range(
            session,
            workspace_id=cast.workspace_id,
            endpoint_id=endpoint.id,
            since=since,
            until=until,
            **given,
        )


def progress(cast: Cast, resend: WebhookResend) -> delivery_log.Progress:
    with cast.database.reading() as session:
        return delivery_log.get_progress(
            session, workspace_id=cast.workspace_id, resend_id=resend.id
        )


def rotate(cast: Cast, endpoint: WebhookEndpoint, hours: int) -> str:
    with cast.database.writing() as session:
        return webhook_endpoints.rotate_secret(
            session,
            workspace_id=cast.workspace_id,
            endpoint_id=endpoint.id,
            overlap_hours=hours,
            by=cast.manager,
        ).secret


def is_verified(secret: str, received: tuple[dict[str, str], bytes]) -> bool:
    headers, body = received
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_test_goes_to_its_endpoint_alone(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(200)) as asked, receiving(status(200)) as other:
        # Whoever wants one type only can be tested as well.
        endpoint = subscribe(cast, asked, "loyalty.tier.changed")
        subscribe(cast, other)
        with cast.database.writing() as session:
            sent = resends.send_test(
                session, workspace_id=cast.workspace_id, endpoint_id=endpoint.id, by=cast.manager
            )
        deliver(deliverer)

    assert asked.ids == [sent.event_id]
    assert b'"type":"webhook.test"' in asked.received[0][1]
    assert other.ids == []


def test_nothing_is_sent_to_an_endpoint_that_is_off(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver)
        factories.enrol(cast)
        deliver(deliverer)
        amend(cast, endpoint, status="disabled")
        (delivery,) = deliveries(cast)
        now = clock.now()
        given: dict[str, Any] = {"workspace_id": cast.workspace_id, "by": cast.manager}
        with pytest.raises(errors.EndpointDisabled), cast.database.writing() as session:
            resends.send_test(session, endpoint_id=endpoint.id, **given)
        with pytest.raises(errors.EndpointDisabled), cast.database.writing() as session:
            resends.resend(session, delivery_id=delivery.id, **given)
        with pytest.raises(errors.EndpointDisabled):
            resend_range(cast, endpoint, now - timedelta(days=1), now)
        deliver(deliverer)

    assert len(receiver.ids) == 1


def test_what_has_failed_is_sent_again_with_all_its_attempts(
    cast: Cast, deliverer: Deliverer
) -> None:
    with receiving(status(*[500] * 8, 500, 200)) as receiver:
        endpoint = subscribe(cast, receiver)
        factories.enrol(cast)
        for _ in range(10):
            with clock.set_to(clock.now() + timedelta(days=2)):
                deliver(deliverer)
        (failed,) = deliveries(cast)
        amend(cast, endpoint, status="enabled")
        with cast.database.writing() as session:
            resends.resend(
                session, workspace_id=cast.workspace_id, delivery_id=failed.id, by=cast.manager
            )
        deliver(deliverer)
        (waiting,) = deliveries(cast)
        with clock.set_to(clock.now() + timedelta(seconds=7)):
            deliver(deliverer)

    assert failed.status == "failed"
    assert failed.attempt_count == len(retrying.WAITS_SECONDS) + 1
    # The waits begin anew: after one failure it is tried again in seconds, not given up.
    assert waiting.status == "waiting"
    assert waiting.next_attempt_at < clock.now() + timedelta(seconds=10)
    (delivered,) = deliveries(cast)
    assert (delivered.status, delivered.attempt_count) == ("delivered", 10)
    assert len(set(receiver.ids)) == 1


def test_a_range_sends_what_did_not_arrive_and_what_was_never_sent(
    cast: Cast, deliverer: Deliverer
) -> None:
    began = clock.now()
    with receiving(status(200, 500, 200)) as receiver:
        # Before the endpoint was there.
        factories.enrol(cast)
        endpoint = subscribe(cast, receiver, "loyalty.account.created")
        for _ in range(2):
            factories.enrol(cast)
            deliver(deliverer)
        assert [each.status for each in deliveries(cast)] == ["delivered", "waiting"]
        until = clock.now() + timedelta(seconds=1)
        resend = resend_range(cast, endpoint, began, until)
        assert (progress(cast, resend).done_count, resend.delivery_count) == (0, 2)
        deliver(deliverer)

    assert progress(cast, resend).done_count == 2
    assert [each.status for each in deliveries(cast)] == ["delivered"] * 3
    assert len(receiver.ids) == 4
    assert len(set(receiver.ids)) == 3


def test_a_range_may_hold_what_had_arrived(cast: Cast, deliverer: Deliverer) -> None:
    began = clock.now()
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver)
        factories.enrol(cast)
        deliver(deliverer)
        until = clock.now() + timedelta(seconds=1)
        with pytest.raises(errors.InvalidParameter, match="Nothing of that time"):
            resend_range(cast, endpoint, began, until)
        resend_range(cast, endpoint, began, until, with_delivered=True)
        deliver(deliverer)

    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1


def test_a_range_begins_and_ends_where_it_says(cast: Cast, deliverer: Deliverer) -> None:
    moments = [clock.now() - timedelta(hours=hours) for hours in (3, 2, 1)]
    for moment in moments:
        with clock.set_to(moment):
            factories.enrol(cast)
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver)
        resend_range(cast, endpoint, moments[1], moments[2])
        deliver(deliverer)

    assert len(receiver.ids) == 1
    with pytest.raises(errors.InvalidParameter, match="end lies before"):
        resend_range(cast, endpoint, moments[1], moments[0])


def test_both_secrets_sign_until_the_overlap_is_over(cast: Cast, deliverer: Deliverer) -> None:
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver)
        old = endpoint.secret
        new = rotate(cast, endpoint, 24)
        factories.enrol(cast)
        deliver(deliverer)
        with clock.set_to(clock.now() + timedelta(hours=25)):
            factories.enrol(cast)
            deliver(deliverer)
        newest = rotate(cast, endpoint, 0)
        factories.enrol(cast)
        deliver(deliverer)

    during, after, at_once = receiver.received
    assert [is_verified(each, during) for each in (old, new)] == [True, True]
    assert [is_verified(each, after) for each in (old, new)] == [False, True]
    assert [is_verified(each, at_once) for each in (new, newest)] == [False, True]


def test_only_managers_and_owners_may(cast: Cast) -> None:
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver)
    with pytest.raises(errors.PermissionDenied):
        resend_range(cast, endpoint, clock.now(), clock.now(), by=cast.cashier)
    with pytest.raises(errors.PermissionDenied), cast.database.writing() as session:
        webhook_endpoints.rotate_secret(
            session,
            workspace_id=cast.workspace_id,
            endpoint_id=endpoint.id,
            overlap_hours=0,
            by=cast.cashier,
        )


def test_who_sends_again_and_who_finishes_never_deadlock(cast: Cast) -> None:
    """The endpoint is locked before its deliveries by whoever locks both."""
    with receiving(status(200)) as receiver:
        endpoint = subscribe(cast, receiver)
    began = clock.now()
    for _ in range(6):
        factories.enrol(cast)
    until = clock.now() + timedelta(seconds=1)

    def act(number: int) -> object:
        if number % 3 == 0:
            return resend_range(cast, endpoint, began, until, with_delivered=True)
        with cast.database.writing() as session:
            webhook_deliveries.dispatch(session, workspace_id=cast.workspace_id)
            jobs = webhook_deliveries.claim(session, workspace_id=cast.workspace_id, busy={})
        for job in jobs:
            told = webhook_deliveries.Answer(duration_ms=1, status=(200, 500)[number % 2])
            with cast.database.writing() as session:
                webhook_deliveries.finish(session, job=job, answer=told, luck=0)
        return jobs

    for _ in range(4):
        assert crowd(act, count=24).faults == []


def test_events_are_written_for_an_endpoint_while_it_is_deleted(cast: Cast) -> None:
    with receiving(status(200)) as receiver:
        endpoints = [subscribe(cast, receiver) for _ in range(6)]
    for _ in range(20):
        factories.enrol(cast)

    def act(number: int) -> None:
        given: dict[str, Any] = {"workspace_id": cast.workspace_id}
        with cast.database.writing() as session:
            if number < len(endpoints):
                endpoint_id = endpoints[number].id
                webhook_endpoints.delete_endpoint(
                    session, endpoint_id=endpoint_id, by=cast.owner, **given
                )
            else:
                webhook_deliveries.dispatch(session, **given)

    assert crowd(act, count=12).faults == []
    assert deliveries(cast) == []
