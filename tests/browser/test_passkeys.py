"""Passkeys in a real browser, with a virtual authenticator behind it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests import factories
from tests.browser.conftest import sign_in
from tests.cast import Cast
from tests.support import records

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def telephone(page: Page) -> Iterator[CDPSession]:
    """Give the page a telephone that knows its owner."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    yield session
    session.detach()


def make(page: Page, address: str) -> None:
    page.goto(f"{address}/you/second-factor")
    page.get_by_label("Name of the passkey").fill("Telephone")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Keep these codes")).to_be_visible()


def leave(page: Page, address: str) -> None:
    page.goto(f"{address}/you")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Regulars")).to_be_visible()


def test_a_passkey_is_made_and_signs_in(page: Page, address: str, telephone: CDPSession) -> None:
    sign_in(page, address, "manager")
    make(page, address)
    page.goto(f"{address}/you/second-factor")
    page.get_by_role("button", name="Make new codes").click()
    expect(page.get_by_role("heading", name="Keep these codes")).to_be_visible()
    leave(page, address)

    page.get_by_role("button", name="Sign in with a passkey").click()

    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto(f"{address}/you")
    expect(page.get_by_role("heading", name="Manager Person")).to_be_visible()


def test_who_says_no_is_told_what_to_do(page: Page, address: str) -> None:
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    unverified = {**DEVICE, "isUserVerified": False}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": unverified})
    page.goto(f"{address}/sign-in")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text("Nothing was signed. Try again")).to_be_visible()


def test_a_manager_approves_with_a_passkey_without_a_reload(
    cast: Cast, page: Page, address: str, telephone: CDPSession
) -> None:
    sign_in(page, address, "manager")
    make(page, address)
    leave(page, address)
    member = factories.enrol(cast)
    sign_in(page, address, "cashier")
    page.goto(f"{address}/members/{member.id}")
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    page.keyboard.press("a")
    page.locator("#points").fill("5000")
    page.locator("#reason").fill("Competition")
    page.keyboard.press("Enter")

    page.get_by_role("button", name="Approve with a passkey").click()

    expect(page.locator("#toast")).to_contain_text("+5,000 points")
    (entry,) = records.entries_of(cast, member)
    assert (entry.actor_id, entry.approved_by) == (cast.cashier.id, cast.manager.id)
    assert loads == []
