"""What every answer says to the browser, and what the session's cookie and files are like."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from flask import Flask

from app.db.database import Database
from app.factory import create_app
from app.http.requests import CONTENT_SECURITY_POLICY
from app.migrations.running import upgrade
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.settings import make_settings

PATHS = ["/", "/sign-in", "/members", "/nothing-here", "/v1/loyalty/programs", "/static/app.css"]
"""Pages, an error, a program's answer and a file."""


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_keeps_browsers_safe(cast: Cast, owner: Visitor, path: str) -> None:
    del cast
    answer = owner.client.get(path)
    answer.close()

    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Server" not in answer.headers
    if not path.startswith("/static/"):
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("is_secure", [False, True])
def test_the_sessions_cookie_is_for_this_site_and_no_script(
    sqlite: Database, tmp_path: Path, is_secure: bool
) -> None:
    app: Flask = create_app(make_settings(sqlite, tmp_path, secure_cookies=is_secure), sqlite)

    (cookie,) = app.test_client().get("/sign-in").headers.getlist("Set-Cookie")

    parts = {part.strip() for part in cookie.split(";")[1:]}
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= parts
    assert ("Secure" in parts) == is_secure
    assert not any(part.startswith("Domain=") for part in parts)
    # With the prefix a browser takes it from this very host by https alone, and so keeps out what
    # a neighbouring host would plant.
    assert cookie.startswith("__Host-regulars=") == is_secure
    till: str = app.config["DEVICE_COOKIE_NAME"]
    assert till == ("__Host-regulars_till" if is_secure else "regulars_till")


def test_the_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "regulars.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database.engine)

    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}

    assert modes["regulars.db"] == 0o600
    assert set(modes.values()) == {0o600}
    database.engine.dispose()
