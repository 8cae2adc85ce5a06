"""The API as an integrator's program meets it."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.db.database import Database
from app.factory import create_app
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.settings import make_settings
from tests.support.shops import shop_in


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop, on SQLite: what differs between databases is the services' business."""
    return shop_in(sqlite)


@pytest.fixture
def app(cast: Cast, tmp_path: Path) -> Flask:
    """Give the app on the shop's database."""
    return create_app(make_settings(cast.database, tmp_path), cast.database)


@pytest.fixture
def api(app: Flask, cast: Cast) -> Program:
    """Give a program with a key of the sandbox that may do everything."""
    return Program(app, make_secret(cast))


@pytest.fixture
def live_api(app: Flask, cast: Cast) -> Program:
    """Give a program with a key of the live workspace."""
    return Program(app, make_secret(cast, mode="live"))
