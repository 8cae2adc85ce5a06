"""How many requests a key may make, alone and shared by processes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import clock
from app.config import Rate
from app.factory import create_app
from app.rules import buckets
from tests import factories
from tests.support.api import Program, make_secret
from tests.support.crowd import crowd
from tests.support.settings import make_settings

NOW = datetime(2026, 3, 12, 14, 0, tzinfo=UTC)
SLOW = Rate(2, 5)


@pytest.fixture(params=["postgres", "sqlite"])
def apps(request: pytest.FixtureRequest, tmp_path: Path) -> list[Program]:
    """Give callers with one key: of two processes on PostgreSQL, of the only one on SQLite."""
    shop = factories.make_cast(request.getfixturevalue(request.param))
    secret = make_secret(shop)
    settings = make_settings(shop.database, tmp_path, sandbox_rate=SLOW)
    count = 2 if request.param == "postgres" else 1
    return [Program(create_app(settings, shop.database), secret) for _ in range(count)]


def test_a_burst_is_served_and_the_next_one_waits(apps: list[Program]) -> None:
    with clock.set_to(NOW):
        answers = [apps[n % len(apps)].get("/loyalty/programs") for n in range(7)]

    assert [answer.status for answer in answers] == [200] * 5 + [429] * 2
    left = [answer.response.headers["X-RateLimit-Remaining"] for answer in answers]
    assert left == ["4", "3", "2", "1", "0", "0", "0"]
    assert answers[0].response.headers["X-RateLimit-Limit"] == "5"
    assert answers[4].response.headers["X-RateLimit-Reset"] == "3"
    refused = answers[5]
    assert (refused.code, refused.response.headers["Retry-After"]) == ("rate_limited", "1")


def test_what_is_refused_costs_nothing(apps: list[Program]) -> None:
    with clock.set_to(NOW):
        for _ in range(20):
            apps[0].get("/loyalty/programs")
    with clock.set_to(NOW + timedelta(seconds=1)):
        answers = [apps[-1].get("/loyalty/programs").status for _ in range(3)]

    assert answers == [200, 200, 429]


def test_a_clock_that_steps_back_shuts_nobody_out(apps: list[Program]) -> None:
    with clock.set_to(NOW):
        for _ in range(6):
            apps[0].get("/loyalty/programs")
    if len(apps) > 1:
        # As far as two processes' clocks may be apart, what was taken stays taken.
        with clock.set_to(NOW - timedelta(seconds=30)):
            assert apps[-1].get("/loyalty/programs").status == 429
    with clock.set_to(NOW - timedelta(days=1)):
        answers = [apps[-1].get("/loyalty/programs").status for _ in range(6)]

    assert answers == [200] * 5 + [429]


def test_of_a_crowd_exactly_the_burst_is_served(apps: list[Program]) -> None:
    def ask(number: int) -> int:
        with clock.set_to(NOW):
            return apps[number % len(apps)].get("/loyalty/programs").status

    answers = crowd(ask)

    assert answers.faults == []
    assert sorted(answers.given) == [200] * 5 + [429] * 45


def test_guessing_keys_is_limited_too(apps: list[Program]) -> None:
    with clock.set_to(NOW):
        guesser = Program(apps[0].app, "sk_test_guess")
        statuses = [guesser.get("/loyalty/programs").status for _ in range(7)]
        assert apps[0].get("/loyalty/programs").status == 200

    assert statuses == [401] * 5 + [429] * 2


@given(
    gaps=st.lists(st.integers(0, 4_000), min_size=1, max_size=60),
    rate=st.builds(Rate, st.integers(1, 50), st.integers(1, 30)),
)
def test_a_bucket_serves_as_many_as_have_come_back(gaps: list[int], rate: Rate) -> None:
    """The one time stamp does what a counted bucket does, token for token."""
    full_at, now, tokens = None, NOW, float(rate.burst)
    for gap in gaps:
        now += timedelta(milliseconds=gap)
        tokens = min(rate.burst, tokens + gap / 1000 * rate.per_second)
        following = buckets.next_full_at(full_at, now, rate)
        if abs(tokens - round(tokens)) > 1e-3:
            assert (following is not None) == (tokens >= 1)
        if following is not None:
            full_at, tokens = following, tokens - 1
