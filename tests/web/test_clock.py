"""A session whose time was over stays closed, whatever the server's clock says later."""

from __future__ import annotations

from datetime import timedelta

from app import clock
from tests.support.pages import Visitor


def test_a_session_whose_time_was_over_does_not_revive(manager: Visitor) -> None:
    cookie = manager.client.get_cookie("regulars")
    assert cookie is not None
    now = clock.now()
    assert manager.get("/members").status == 200
    with clock.set_to(now + timedelta(hours=13)):
        assert manager.get("/members").location.startswith("/sign-in")

    # As one would who has copied the cookie before.
    manager.client.set_cookie("regulars", cookie.value)
    with clock.set_to(now - timedelta(days=1)):
        assert manager.get("/members").location.startswith("/sign-in")
    assert manager.get("/members").location.startswith("/sign-in")
