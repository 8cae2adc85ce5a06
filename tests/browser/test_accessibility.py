"""axe finds nothing on any page, in both themes and both widths; no page scrolls sideways."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page

from app.services import workspaces
from app.services.members import cards
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.payments import Teller, completed, make_source
from tests.support.webhooks import answer, deliveries, dispatch

WIDE: Any = {"width": 1440, "height": 900}
PHONE: Any = {"width": 390, "height": 844}
ALL_RULES: dict[str, Any] = {"resultTypes": ["violations"]}
"""Report violations only: listing what passed takes as long as finding it."""

OF_LOOKS = {**ALL_RULES, "runOnly": ["color-contrast"]}
"""The rule that judges what a theme changes."""

LOOKS: tuple[tuple[Any, Any, Any], ...] = (
    ("light", WIDE, ALL_RULES),
    ("dark", WIDE, OF_LOOKS),
    ("light", PHONE, OF_LOOKS),
    ("dark", PHONE, ALL_RULES),
)
"""Each theme and width, and the rules that are asked there."""


def test_axe_finds_nothing(cast: Cast, manager: Page, address: str) -> None:
    member = factories.enrol(cast, "Hana Kovářová", phone="+353 87 123 4471")
    reward = factories.make_reward(cast, stock=3, counter_key=3)
    factories.make_reward(cast, "Gold only", min_tier="gold")
    entry = factories.award(cast, member, 1000)
    part = factories.award(cast, member, 300)
    factories.reverse(cast, part, points=100)
    redemption = factories.redeem(cast, member, reward)
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        link = cards.make_link(session, workspace=workspace, member_id=member.id, by=cast.manager)
    paths = (
        "/",
        "/you",
        "/more",
        "/counter",
        "/counter?q=a",
        f"/counter?member={member.id}",
        f"/counter?redemption={redemption.id}",
        f"/counter/receipts/{redemption.id}",
        "/shortcuts",
        "/members",
        "/members?q=nobody",
        "/members/new",
        f"/members/{member.id}",
        f"/members/{member.id}/card",
        f"/card/{link.token}",
        f"/members/{member.id}/edit",
        f"/members/{member.id}/award",
        f"/members/{member.id}/adjust",
        f"/members/{member.id}/redeem",
        f"/ledger/{entry.id}/reverse",
        f"/redemptions/{redemption.id}/cancel",
        "/redemptions",
        "/rewards",
        f"/rewards/{reward.id}/edit",
        "/programs",
        f"/programs/{cast.program_id}/edit",
        "/nowhere",
    )
    problems = [each for path in paths for each in _problems(manager, f"{address}{path}")]
    assert not problems, "\n".join(problems)


def test_axe_finds_nothing_on_the_pages_of_developers_and_owners(
    cast: Cast, app: Flask, owner: Page, address: str
) -> None:
    api = Program(app, make_secret(cast))
    endpoint = factories.make_endpoint(cast)
    member = factories.enrol(cast, customer_id="cust_9")
    body = {"accountId": member.id, "points": 250, "reason": "purchase"}
    made = api.post("/loyalty/points/award", body)
    api.post("/loyalty/points/award", {**body, "points": 0})
    api.logged()
    dispatch(cast)
    answer(cast, 200, 503)
    source = make_source(cast)
    told = Teller(app, source)
    for payment, customer in (("pay_1", "cust_9"), ("pay_2", "nobody")):
        told.tell(completed(payment, customerId=customer))
    invited = factories.invite(cast)
    hooks = f"/developers/webhooks/{endpoint.id}"
    paths = (
        "/developers",
        "/developers/keys/new",
        "/developers/requests",
        f"/developers/requests/{made.response.headers['X-Request-Id']}",
        "/developers/webhooks/new",
        hooks,
        *(f"{hooks}/{act}" for act in ("edit", "rotate", "delete", "resend")),
        "/developers/webhooks/deliveries",
        *(f"/developers/webhooks/deliveries/{each.id}" for each in deliveries(cast)),
        f"/developers/webhooks/entries/{made.body['id']}",
        "/developers/payments",
        "/developers/payments/new",
        f"/developers/payments/{source.id}",
        f"/developers/payments/{source.id}/secret",
        "/docs",
        "/staff",
        "/staff/invite",
        f"/staff/{cast.cashier.id}",
        "/staff/allowances",
        "/locations",
        "/locations/new",
        f"/locations/{cast.location_id}",
        "/devices/new",
        "/you/pin",
        "/you/password",
        "/you/second-factor",
        "/you/sign-ins",
        "/you/confirm",
        "/audit",
        f"/join/{invited.token}",
    )
    problems = [each for path in paths for each in _problems(owner, f"{address}{path}")]
    assert not problems, "\n".join(problems)
    owner.goto(f"{address}/developers/keys/new")
    owner.get_by_label("What it is for").fill("Till server")
    owner.get_by_role("button", name="Make the key").click()
    owner.get_by_role("link", name="Done, I copied it").wait_for()
    assert Axe().run(owner).violations_count == 0


def test_axe_finds_nothing_on_the_sign_in_page(page: Page, address: str) -> None:
    assert not _problems(page, f"{address}/sign-in")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_would_find_a_colour_that_is_hard_to_read(
    manager: Page, address: str, theme: Any
) -> None:
    manager.goto(f"{address}/members")
    manager.emulate_media(color_scheme=theme)
    ink = "#18201c" if theme == "dark" else "#fff"
    manager.evaluate(f"document.querySelector('h1').style.color = '{ink}'")

    assert Axe().run(manager, options=OF_LOOKS).violations_count > 0


def test_axe_would_find_a_planted_fault(manager: Page, address: str) -> None:
    manager.goto(f"{address}/members")
    manager.evaluate("document.querySelector('label[for=q]').remove()")

    assert Axe().run(manager).violations_count > 0


def _problems(page: Page, path: str) -> list[str]:
    """Say what is wrong with a page in each look: axe's findings, and scrolling sideways."""
    page.set_viewport_size(WIDE)
    page.goto(path)
    page.evaluate(Axe().axe_script)
    problems = []
    for theme, size, rules in LOOKS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size(size)
        # Colours fade into each other; what is judged is where they end.
        page.evaluate(
            "document.getAnimations()"
            ".forEach((each) => each instanceof CSSTransition && each.finish())"
        )
        problems += [
            f"{path}, {theme}, {size}: {each['id']}: {node['target']} {node['failureSummary']}"
            for each in page.evaluate("(rules) => axe.run(document, rules)", rules)["violations"]
            for node in each["nodes"]
        ]
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        problems += [f"{path}: scrolls sideways by {width} px"] if width > 0 else []
    return problems
