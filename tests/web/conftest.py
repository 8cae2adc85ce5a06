"""A browser without a screen: Flask's test client, signed in, with every answer parsed."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.db.database import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.payments import make_source
from tests.support.settings import make_settings
from tests.support.shops import shop_in
from tests.support.webhooks import deliveries, dispatch


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop, on SQLite: what differs between databases is the services' business."""
    return shop_in(sqlite)


@pytest.fixture
def app(cast: Cast, tmp_path: Path) -> Flask:
    """Give the app on the shop's database."""
    settings = make_settings(cast.database, tmp_path)
    return create_app(settings, cast.database)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """Give a browser that nobody has signed in with."""
    return Visitor(app)


@pytest.fixture
def manager(app: Flask) -> Visitor:
    """Give a browser in which the manager is signed in."""
    return Visitor(app).sign_in("manager")


@pytest.fixture
def owner(app: Flask) -> Visitor:
    """Give a browser in which the owner is signed in."""
    return Visitor(app).sign_in("owner")


@pytest.fixture
def cashier(app: Flask) -> Visitor:
    """Give a browser in which the cashier is signed in."""
    return Visitor(app).sign_in("cashier")


@pytest.fixture
def viewer(app: Flask) -> Visitor:
    """Give a browser in which the viewer is signed in."""
    return Visitor(app).sign_in("viewer")


@pytest.fixture
def paths(cast: Cast) -> list[str]:
    """Give the address of every page, in a shop with something of everything."""
    member = factories.enrol(
        cast, "Hana Kovářová", phone="+353 87 123 4471", email="hana@example.com"
    )
    reward = factories.make_reward(cast, stock=3, counter_key=3)
    entry = factories.award(cast, member, 1000)
    part = factories.award(cast, member, 300)
    factories.reverse(cast, part, points=100)
    endpoint = factories.make_endpoint(cast)
    redemption = factories.redeem(cast, member, reward)
    dispatch(cast)
    delivery = deliveries(cast)[0]
    return [
        "/",
        "/activity",
        "/you",
        "/you/password",
        "/you/sign-ins",
        "/you/confirm",
        "/you/second-factor",
        "/you/pin",
        "/staff/allowances",
        "/locations",
        "/locations/new",
        f"/locations/{cast.location_id}",
        "/devices/new",
        "/more",
        "/staff",
        "/staff/invite",
        f"/staff/{cast.cashier.id}",
        "/audit",
        "/audit?act=member.enrol",
        "/counter",
        "/counter?q=kova",
        "/counter?q=nobody",
        f"/counter?member={member.id}",
        f"/counter?redemption={redemption.id}",
        f"/counter?award={entry.id}",
        f"/counter/receipts/{redemption.id}",
        "/shortcuts",
        "/members",
        "/members?q=kova",
        "/members?q=nobody",
        "/members/new",
        f"/members/{member.id}",
        f"/members/{member.id}?kind=award",
        f"/members/{member.id}/card",
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
        f"/programs/{cast.program_id}/preview",
        "/developers",
        "/developers/guide",
        "/developers/keys/new",
        "/developers/requests",
        "/developers/webhooks/new",
        f"/developers/webhooks/{endpoint.id}",
        f"/developers/webhooks/{endpoint.id}/edit",
        f"/developers/webhooks/{endpoint.id}/rotate",
        f"/developers/webhooks/{endpoint.id}/delete",
        f"/developers/webhooks/{endpoint.id}/resend",
        "/developers/webhooks/deliveries",
        "/developers/webhooks/deliveries?state=failed&type=loyalty.points.earned",
        f"/developers/webhooks/deliveries/{delivery.id}",
        f"/developers/webhooks/entries/{entry.id}",
        "/developers/payments",
        "/developers/payments/new",
        *(
            f"/developers/payments/{source.id}{act}"
            for source in (make_source(cast, kind) for kind in ("regulars", "stripe", "shopify"))
            for act in ("", "/edit", "/secret")
        ),
    ]
