"""Which requests come from another site, and that nothing of them is kept."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask

from app.db.database import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.factories import PASSWORD
from tests.support.pages import Visitor
from tests.support.settings import make_settings

FOREIGN = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}


def test_another_site_plants_nothing_in_an_awards_form(cast: Cast, app: Flask) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    visitor = Visitor(app)
    # A browser brings no cookie on such a request, but it would keep the one in the answer.
    planted = {"points": "900", "reason": "planted", "note": "planted"}
    visitor.post(path, planted, **FOREIGN)

    shown = visitor.sign_in("manager").get(path)

    assert (shown.value("points"), shown.value("reason")) == ("", "")
    assert "still here" not in shown.text


def test_another_site_signs_nobody_out_and_counts_as_no_try(app: Flask, cast: Cast) -> None:
    del cast
    manager = Visitor(app).sign_in("manager")
    form = {**manager.get("/you").fields("/sign-out"), "email": "owner@harbour.example.com"}
    for _ in range(12):
        refused = manager.post("/sign-in", {**form, "password": "wrong"}, **FOREIGN)
        assert refused.status == 403

    assert manager.get("/members").status == 200
    # Ten failures would have locked the account.
    Visitor(app).sign_in("owner", PASSWORD)


def test_what_waits_is_not_shown_to_another_sites_request(cast: Cast, app: Flask) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    visitor = Visitor(app)
    visitor.post(path, {"points": "70", "reason": "typed"})
    visitor.sign_in("manager")

    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    from_link = visitor.get(path, **link, **{"Sec-Fetch-Dest": "document"})
    visitor.get(path, **link, **{"Sec-Fetch-Dest": "iframe"})
    visitor.get(path, Origin="https://evil.example")

    assert from_link.status == 200
    assert from_link.value("points") == ""
    assert visitor.get(path).value("points") == "70"


def test_a_link_on_another_site_opens_the_page(app: Flask, cast: Cast) -> None:
    del cast
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    visitor = Visitor(app)

    asked = visitor.get("/members", **link)
    sign_in_page = visitor.get(asked.location, **link)
    typed = {"email": "manager@harbour.example.com", "password": PASSWORD}
    entered = visitor.post(
        "/sign-in", {**sign_in_page.fields(), **typed}, Sec_Fetch_Site="same-origin"
    )

    assert entered.location == "/members"
    assert visitor.get("/members", **link).status == 200
    htmx = {"HX-Request": "true", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
    assert visitor.get("/members", **htmx).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"}, 422),
        ({"Sec-Fetch-Site": "none"}, 422),
        ({"Origin": "http://shop.example:8000"}, 422),
        ({"Origin": "HTTP://SHOP.example:8000"}, 422),
        ({"Origin": "http://shop.example:9000"}, 403),
        ({"Origin": "http://shop.example"}, 403),
        ({"Origin": "http://shop.example.evil:8000"}, 403),
        ({"Origin": "http://shop.example:8000@evil"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://shop.example:8000"}, 403),
        ({"Sec-Fetch-Site": "CROSS-SITE"}, 403),
        ({"Sec-Fetch-Site": "never heard of", "Origin": "http://evil.example"}, 403),
    ],
    ids=str,
)
def test_a_request_is_judged_by_what_the_browser_says(
    app: Flask, headers: dict[str, str], status: int
) -> None:
    answer = app.test_client().post(
        "/sign-in", headers={"Host": "shop.example:8000", **headers}, data={}
    )

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("shop.example", "https://shop.example", 422),
        ("shop.example:443", "https://shop.example", 422),
        # nginx passes on `$host` without the port.
        ("shop.example", "https://shop.example:8443", 422),
        ("[2001:db8::5]", "http://[2001:db8::5]:8080", 422),
        ("shop.example", "https://evil.example", 403),
        ("shop.example:8443", "https://shop.example:9000", 403),
    ],
)
def test_a_proxy_in_front_changes_nothing(
    sqlite: Database, tmp_path: Path, host: str, origin: str, status: int
) -> None:
    trusted = (ip_network("10.0.0.0/8"),)
    app = create_app(make_settings(sqlite, tmp_path, trusted_proxies=trusted), sqlite)

    answer = app.test_client().post(
        "/sign-in",
        headers={
            "Host": host,
            "Origin": origin,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Host": "evil.example",
        },
        environ_base={"REMOTE_ADDR": "10.1.2.3"},
    )

    assert answer.status_code == status


def test_without_a_known_proxy_the_port_counts(app: Flask) -> None:
    def status(origin: str) -> int:
        headers = {"Host": "shop.example", "Origin": origin}
        return app.test_client().post("/sign-in", headers=headers).status_code

    assert status("https://shop.example") == 422
    assert status("http://shop.example:9000") == 403


def test_programs_bring_keys_and_are_not_judged(app: Flask) -> None:
    answer = app.test_client().post("/v1/loyalty/points/award", json={}, headers=FOREIGN)

    assert answer.status_code == 401
