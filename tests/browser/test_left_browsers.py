"""Signing out, or being gone for long, empties all tabs of a browser."""

from __future__ import annotations

import re

from flask import Flask
from playwright.sync_api import Page, expect

from tests.factories import PASSWORD


def sign_in_for_now(page: Page, address: str) -> None:
    """Sign the manager in, not to stay; the browser's clock goes on when it is told to."""
    page.clock.install()
    page.goto(f"{address}/sign-in")
    page.get_by_label("Email").fill("manager@harbour.example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Keep this till signed in").uncheck()
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_signing_out_in_one_tab_empties_the_others(manager: Page, address: str) -> None:
    other = manager.context.new_page()
    other.goto(f"{address}/members")
    expect(other.get_by_role("heading", name="Members")).to_be_visible()
    manager.goto(f"{address}/you")

    manager.get_by_role("button", name="Sign out").click()

    expect(manager).to_have_url(re.compile("/sign-in"))
    expect(other).to_have_url(re.compile("/sign-in"))
    expect(other.get_by_role("heading", name="Members")).to_have_count(0)
    other.close()


def test_a_page_that_nobody_touches_is_left_when_the_sign_in_is_over(
    app: Flask, page: Page, address: str
) -> None:
    sign_in_for_now(page, address)
    page.goto(f"{address}/members")
    page.clock.run_for(119 * 60_000)
    expect(page.get_by_role("heading", name="Members")).to_be_visible()
    page.mouse.move(10, 10)
    page.clock.run_for(119 * 60_000)
    expect(page.get_by_role("heading", name="Members")).to_be_visible()
    # The server's time has not run on with the browser's.
    app.config["IDLE_MINUTES"] = 0
    page.clock.run_for(2 * 60_000)

    expect(page).to_have_url(re.compile("/sign-in"))


def test_what_is_half_typed_is_not_thrown_away(page: Page, address: str) -> None:
    sign_in_for_now(page, address)
    page.goto(f"{address}/members/new")
    page.get_by_label("Name").fill("Hana")

    page.clock.run_for(125 * 60_000)

    expect(page.get_by_label("Name")).to_have_value("Hana")
