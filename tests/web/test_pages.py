"""Every page, opened as each role: parsed, well-formed, without growing queries."""

from __future__ import annotations

import pytest

from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor


@pytest.fixture
def paths(cast: Cast) -> list[str]:
    member = factories.enrol(
        cast, "Hana Kovářová", phone="+353 87 123 4471", email="hana@example.com"
    )
    reward = factories.make_reward(cast, stock=3, counter_key=3)
    entry = factories.award(cast, member, 1000)
    part = factories.award(cast, member, 300)
    factories.reverse(cast, part, points=100)
    redemption = factories.redeem(cast, member, reward)
    return [
        "/",
        "/activity",
        "/you",
        "/shortcuts",
        "/members",
        "/members?q=kova",
        "/members?q=nobody",
        "/members/new",
        f"/members/{member.id}",
        f"/members/{member.id}?kind=award",
        f"/members/{member.id}/edit",
        f"/members/{member.id}/award",
        f"/members/{member.id}/adjust",
        f"/members/{member.id}/redeem",
        f"/ledger/{entry.id}/reverse",
        f"/ledger/{entry.id}/effect?how=part&points=900",
        f"/redemptions/{redemption.id}/cancel",
        "/redemptions",
        "/redemptions?q=nothing",
        "/rewards",
        "/rewards?state=archived",
        "/rewards/new",
        f"/rewards/{reward.id}/edit",
        "/rewards/preview?points_cost=500",
        "/programs",
        "/programs/new",
        f"/programs/{cast.program_id}/edit",
    ]


def test_every_page_opens_for_the_owner(owner: Visitor, paths: list[str]) -> None:
    for path in paths:
        assert owner.get(path).status == 200, path


def test_a_viewer_opens_what_may_be_read_and_nothing_else(
    viewer: Visitor, paths: list[str]
) -> None:
    for path in paths:
        changes = path.endswith(("/new", "/edit", "/award", "/adjust", "/redeem", "/cancel"))
        changes = changes or "/reverse" in path or "/effect" in path or "/preview" in path
        assert viewer.get(path).status == (403 if changes else 200), path


def test_a_visitor_is_asked_to_sign_in_and_comes_back(visitor: Visitor, paths: list[str]) -> None:
    for path in paths:
        answer = visitor.get(path)
        assert answer.status == 302, path
        assert answer.location.startswith("/sign-in?next="), path


def test_the_empty_live_workspace_shows_the_first_steps(owner: Visitor) -> None:
    owner.post("/mode", {**owner.get("/you").fields("/mode"), "mode": "live"})

    page = owner.get("/")

    assert "Welcome, Owner" in page.text
    assert "Test mode" not in page.text


def test_the_sandbox_says_so_on_every_page(owner: Visitor, paths: list[str]) -> None:
    for path in paths:
        assert "Test mode." in owner.get(path).text, path
