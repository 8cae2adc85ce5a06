"""How fast one person's pages, and one address's links, are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app import clock
from app.config import Rate
from app.factory import create_app
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.settings import make_settings

SLOW = Rate(1, 6)


@pytest.fixture
def slow(cast: Cast, tmp_path: Path) -> Flask:
    """Give the shop where a person has six pages at once."""
    return create_app(make_settings(cast.database, tmp_path, page_rate=SLOW), cast.database)


def test_one_persons_pages_are_slowed_down_and_nobody_elses(slow: Flask) -> None:
    with clock.set_to(clock.now()):
        hasty = Visitor(slow).sign_in("cashier")
        answers = [hasty.get("/members") for _ in range(8)]
        assert [answer.status for answer in answers] == [200] * 6 + [429] * 2
        assert answers[6].response.headers["Retry-After"] == "1"
        assert "That was too fast. Wait 1 s, then go on." in answers[6].text
        # Two tabs are one person; a colleague is another.
        assert Visitor(slow).sign_in("cashier").get("/members").status == 429
        assert Visitor(slow).sign_in("manager").get("/members").status == 200


def test_what_was_too_fast_is_given_a_moment_later(slow: Flask) -> None:
    now = clock.now()
    with clock.set_to(now):
        hasty = Visitor(slow).sign_in("cashier")
        for _ in range(8):
            hasty.get("/members")
    with clock.set_to(now + SLOW.interval):
        assert [hasty.get("/members").status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("path", ["/card/no-such-link", "/join/no-such-link"])
def test_who_tries_links_out_is_slowed_down(slow: Flask, path: str) -> None:
    with clock.set_to(clock.now()):
        stranger = Visitor(slow)
        answers = [stranger.get(path).status for _ in range(8)]

    assert answers == [404] * 6 + [429] * 2
    assert Visitor(slow).get("/sign-in").status == 200


def test_the_audit_log_is_exported_five_times_at_once(owner: Visitor) -> None:
    with clock.set_to(clock.now()):
        answers = [owner.client.get("/audit/export").status_code for _ in range(6)]

    assert answers == [200] * 5 + [429]
    assert owner.get("/audit").status == 200


def test_a_shop_at_work_never_meets_the_limit(cast: Cast, app: Flask, tmp_path: Path) -> None:
    del app
    settings = make_settings(cast.database, tmp_path, page_rate=Rate(20, 200))
    shop = create_app(settings, cast.database)
    visitor, now = Visitor(shop).sign_in("cashier"), clock.now()
    # More pages than the burst, ten a second: faster than anybody types or scans for so long.
    for number in range(250):
        with clock.set_to(now + number * Rate(10, 1).interval):
            assert visitor.client.get("/shortcuts").status_code == 200
