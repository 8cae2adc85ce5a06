"""Forwarded addresses and schemes are believed of configured proxies, and of nobody else."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from app.db.database import Database
from app.factory import create_app
from app.http.proxies import HOPS_MAX, TrustedProxies
from tests.support.settings import make_settings

PROXY, CLIENT = "10.1.2.3", "203.0.113.7"
TRUSTED = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def _echo(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [
        f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']} {environ['HTTP_HOST']}".encode()
    ]


def _seen(peer: str, **headers: str) -> str:
    client = Client(TrustedProxies(_echo, TRUSTED))
    return client.get("/", headers=headers, environ_base={"REMOTE_ADDR": peer}).text


def _forwarded(addresses: str, **more: str) -> dict[str, str]:
    return {"X-Forwarded-For": addresses, "X-Forwarded-Proto": "https", **more}


def test_a_trusted_proxys_word_is_taken_and_its_host_is_the_hosts() -> None:
    headers = _forwarded(CLIENT, **{"X-Forwarded-Host": "evil.example"})

    assert _seen(PROXY, **headers) == f"{CLIENT} https localhost"
    assert _seen("2001:db8::1", **headers) == f"{CLIENT} https localhost"


@pytest.mark.parametrize("peer", ["198.51.100.9", "2001:db9::1", "", "unix"])
def test_nobody_elses_is(peer: str) -> None:
    assert _seen(peer, **_forwarded(CLIENT)) == f"{peer} http localhost"


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        (f"1.1.1.1, {CLIENT}", CLIENT),
        (f"1.1.1.1, {CLIENT}, 10.9.9.9", CLIENT),
        (f"{CLIENT},10.9.9.9 , 10.9.9.8", CLIENT),
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        (", ".join([CLIENT, *["10.0.0.1"] * HOPS_MAX * 2]), "10.0.0.1"),
    ],
    ids=["made up by the client", "two proxies", "three", "all ours", "far too many"],
)
def test_the_client_is_the_last_address_that_is_no_proxys(said: str, seen: str) -> None:
    assert _seen(PROXY, **_forwarded(said)) == f"{seen} https localhost"


@pytest.mark.parametrize("said", ["", ",", "no address", "10.0.0.1:80, x"])
def test_nonsense_does_no_harm(said: str) -> None:
    assert _seen(PROXY, **{"X-Forwarded-For": said}).endswith(" http localhost")


def test_a_requests_id_is_taken_of_a_trusted_proxy_alone(sqlite: Database, tmp_path: Path) -> None:
    app = create_app(make_settings(sqlite, tmp_path, trusted_proxies=TRUSTED), sqlite)

    def given(peer: str) -> str:
        answer = app.test_client().get(
            "/sign-in",
            headers={"X-Request-Id": "proxy-12345678"},
            environ_base={"REMOTE_ADDR": peer},
        )
        return answer.headers["X-Request-Id"]

    assert given(PROXY) == "proxy-12345678"
    assert given("198.51.100.9").startswith("req_")


def test_what_came_by_https_may_come_by_nothing_else(sqlite: Database, tmp_path: Path) -> None:
    def strict(peer: str, **changes: Any) -> str | None:
        app = create_app(make_settings(sqlite, tmp_path, **changes), sqlite)
        answer = app.test_client().get(
            "/sign-in", headers=_forwarded(CLIENT), environ_base={"REMOTE_ADDR": peer}
        )
        return answer.headers.get("Strict-Transport-Security")

    assert strict(PROXY, trusted_proxies=TRUSTED) == "max-age=31536000"
    assert strict("198.51.100.9", trusted_proxies=TRUSTED) is None
    assert strict(PROXY) is None
