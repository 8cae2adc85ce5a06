"""An integrator's journeys: an endpoint, its secret, the log, sending again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook

from app import clock
from app.factory import create_app
from app.metrics import Metrics
from app.worker.running import Worker
from tests import factories
from tests.cast import Cast
from tests.support.receivers import receiving, status
from tests.support.settings import make_settings


@pytest.fixture
def app(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Give the app of an installation whose webhooks may go to this machine."""
    folder = tmp_path_factory.mktemp("data")
    settings = make_settings(cast.database, folder, allows_private_webhooks=True)
    return create_app(settings, cast.database)


@pytest.fixture
def worker(cast: Cast) -> Iterator[Worker]:
    """Let a worker deliver."""
    found = Worker(cast.database, allows_private=True, metrics=Metrics())
    found.start()
    yield found
    found.stop()


def wait_until(holds: Callable[[], object], seconds: float = 5) -> None:
    """Wait for what happens beside the browser."""
    ends_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_at
        time.sleep(0.02)


def test_an_endpoint_is_made_tested_and_rotated(
    manager: Page, address: str, worker: Worker
) -> None:
    with receiving(status(200)) as receiver:
        manager.goto(f"{address}/developers")
        manager.get_by_role("link", name="New endpoint").first.click()
        manager.get_by_label("Address").fill(receiver.url)
        manager.keyboard.press("Enter")
        first = manager.locator("#secret").input_value()
        manager.get_by_role("link", name="Done, I copied it").click()
        manager.get_by_role("button", name="Send a test").click()
        # The page follows by itself.
        expect(manager.locator("#webhooks-delivery")).to_contain_text("Arrived")
        expect(manager.locator("#webhooks-delivery")).to_contain_text("noted")
        manager.get_by_role("link", name="localhost").click()
        manager.get_by_role("link", name="Rotate").click()
        expect(manager.get_by_role("dialog")).to_contain_text("Rotate the secret")
        manager.get_by_role("button", name="Rotate the secret").click()
        second = manager.locator("#secret").input_value()
        manager.get_by_role("link", name="Done, I copied it").click()
        manager.get_by_role("button", name="Send a test").click()
        expect(manager.locator("#webhooks-delivery")).to_contain_text("Arrived")

    assert first != second
    headers, body = receiver.received[-1]
    for secret in (first, second):
        assert Webhook(secret).verify(body, headers)["type"] == "webhook.test"


def test_what_failed_is_found_in_the_log_and_sent_again(
    cast: Cast, manager: Page, address: str, worker: Worker
) -> None:
    with receiving(status(503, 200)) as receiver:
        factories.make_endpoint(cast, "loyalty.points.earned", url=receiver.url)
        member = factories.enrol(cast)
        factories.award(cast, member, 250)
        wait_until(lambda: receiver.ids)
        manager.goto(f"{address}/members/{member.id}")
        manager.get_by_role("link", name="its events").click()
        manager.get_by_role("link", name="Open").click()
        expect(manager.locator("#webhooks-delivery")).to_contain_text("503")
        expect(manager.locator("#webhooks-delivery")).to_contain_text("Next try")
        expect(manager.get_by_label("Event payload")).to_contain_text('"balanceAfter": 250')
        manager.get_by_role("button", name="Resend").click()
        expect(manager.locator("#webhooks-delivery")).to_contain_text("Arrived")
        manager.get_by_role("link", name="ptx_").click()

    expect(manager.get_by_role("heading", level=1)).to_have_text("Ngozi Okafor")
    assert len(set(receiver.ids)) == 1


def test_a_time_is_resent_and_the_page_counts_along(
    cast: Cast, manager: Page, address: str, worker: Worker
) -> None:
    for _ in range(5):
        factories.enrol(cast)
    with receiving(status(200)) as receiver:
        # It was not there when they joined.
        endpoint = factories.make_endpoint(cast, url=receiver.url)
        manager.goto(f"{address}/developers/webhooks/{endpoint.id}")
        manager.get_by_role("link", name="Resend a time").click()
        yesterday = clock.now() - timedelta(days=1)
        manager.locator("#since").fill(f"{yesterday:%Y-%m-%dT%H:%M}")
        manager.locator("#until").fill("1999-01-01T00:00")
        manager.get_by_role("button", name="Resend that time").click()
        expect(manager.get_by_role("dialog")).to_contain_text("The end lies before the beginning")
        manager.locator("#until").fill("2100-01-01T00:00")
        manager.get_by_role("button", name="Resend that time").click()
        expect(manager.locator("#webhooks-progress")).to_contain_text("All sent")
        # The program's reward and tiers tell of nobody; five joined.
        expect(manager.locator("#webhooks-progress")).to_contain_text("5 of 5")

    assert len(receiver.ids) == 5
