"""A browser without a screen: Flask's test client, signed in, with every answer parsed."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.db import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.settings import make_settings


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop, on SQLite: what differs between databases is the services' business."""
    return factories.make_cast(sqlite)


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
