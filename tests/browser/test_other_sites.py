"""A page of another site, in the same browser, posts the forms of the shop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests import factories
from tests.cast import Cast
from tests.support.serving import served


@pytest.fixture
def elsewhere(address: str) -> Iterator[str]:
    """Serve a page at another host name and port whose form goes to the shop."""
    site = Flask("elsewhere")

    @site.get("/<path:target>")
    def post(target: str) -> str:
        return f"""<!doctype html><form method="post" action="{address}/{target}">
            <input name="points" value="900"><input name="reason" value="planted">
            <input name="note" value="planted"><input name="email" value="x@example.com">
            <input name="password" value="x"><button>Win a prize</button></form>
            <a href="{address}/{target}">To the shop</a>"""

    with served(site) as found:
        yield found.replace("localhost", "127.0.0.1")


def test_it_plants_nothing_and_signs_nobody_out(
    cast: Cast, manager: Page, address: str, elsewhere: str
) -> None:
    member = factories.enrol(cast)
    form = f"members/{member.id}/award"
    before = manager.context.cookies(address)

    for target in (form, "sign-in", "sign-out", "mode"):
        manager.goto(f"{elsewhere}/{target}")
        manager.get_by_role("button", name="Win a prize").click()
        expect(manager.get_by_text("was sent from another website")).to_be_visible()

    assert manager.context.cookies(address) == before
    manager.goto(f"{elsewhere}/{form}")
    manager.get_by_role("link", name="To the shop").click()
    expect(manager.get_by_label("Points", exact=True)).to_have_value("")
    expect(manager.get_by_text("what you typed is still here")).to_have_count(0)
    assert factories.reload(cast, member).balance == 0


def test_nothing_it_sends_waits_for_who_signs_in_next(
    cast: Cast, page: Page, address: str, elsewhere: str
) -> None:
    member = factories.enrol(cast)
    form = f"members/{member.id}/award"
    page.goto(f"{elsewhere}/{form}")
    page.get_by_role("button", name="Win a prize").click()
    expect(page.get_by_text("was sent from another website")).to_be_visible()
    assert page.context.cookies(address) == []

    page.goto(f"{elsewhere}/{form}")
    page.get_by_role("link", name="To the shop").click()
    page.get_by_label("Email").fill("manager@harbour.example.com")
    page.get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()

    expect(page.get_by_label("Points", exact=True)).to_have_value("")
