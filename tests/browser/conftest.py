"""A real server and a real Chromium, in which every console error fails the test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import ConsoleMessage, Page, expect

from app.db.database import Database
from app.factory import create_app
from scripts.test_servers import find_chromium
from tests import factories
from tests.cast import Cast
from tests.support.serving import served
from tests.support.settings import make_settings
from tests.support.shops import shop_in

# Milliseconds that a test waits for a state: a busy machine is slow, and the counter waits for
# up to 8 seconds between two tries.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Start the machine's Chromium; a root run needs it without its sandbox."""
    chromium = find_chromium()
    assert chromium is not None, "no Chromium: run `make test`, which installs one"
    return {"executable_path": str(chromium), "args": ["--no-sandbox"]}


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop."""
    return shop_in(sqlite)


@pytest.fixture
def app(cast: Cast, tmp_path: Path) -> Flask:
    """Give the app on the shop's database."""
    return create_app(make_settings(cast.database, tmp_path), cast.database)


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Serve the shop and give the address."""
    with served(app) as found:
        yield found


ORDINARY = ("status of 4", "htmx:sendAbort")
"""A refused form answers 422, and a search is broken off by the next letter."""

SILENCE = ("net::ERR_FAILED", "htmx:sendError", "htmx:afterRequest")
"""What the console says when a test breaks the network off (the mark `broken_network`)."""


@pytest.fixture
def page(page: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Give a page; an error on its console, a policy violation included, fails the test."""
    problems: list[str] = []
    is_broken = request.node.get_closest_marker("broken_network") is not None
    expected = (*ORDINARY, *(SILENCE if is_broken else ()))

    def note(message: ConsoleMessage) -> None:
        is_expected = any(each in message.text for each in expected)
        # htmx says the same of each request that it broke off.
        is_expected |= message.text.startswith("htmx:afterRequest, [object HTML")
        if message.type in {"error", "warning"} and not is_expected:
            problems.append(message.text)

    page.on("console", note)

    def note_error(error: Exception) -> None:
        # So htmx says that a page which it goes on to has not come.
        if not (is_broken and str(error) == "undefined"):
            problems.append(str(error))

    page.on("pageerror", note_error)
    yield page
    assert not problems, problems


@pytest.fixture
def manager(page: Page, address: str) -> Page:
    """Give a page on which the manager is signed in."""
    return sign_in(page, address, "manager")


@pytest.fixture
def owner(page: Page, address: str) -> Page:
    """Give a page on which the owner is signed in."""
    return sign_in(page, address, "owner")


def sign_in(page: Page, address: str, role: str) -> Page:
    """Sign in as the shop's person of that role; the sign-in pages have tests of their own."""
    sign_in_page = page.request.get(f"{address}/sign-in").text()
    found = re.search(r'name="csrf_token"\s+value="([^"]+)"', sign_in_page)
    assert found is not None
    typed = {
        "csrf_token": found.group(1),
        "email": f"{role}@harbour.example.com",
        "password": factories.PASSWORD,
    }
    answer = page.request.post(f"{address}/sign-in", form=typed, max_redirects=0)
    assert answer.status == 303
    return page
