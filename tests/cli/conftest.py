"""What the tests of the command line share."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from app.db.database import Database
from app.factory import create_app
from tests.support.settings import make_settings


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> FlaskCliRunner:
    """Give the command line of an installation with this database."""
    return create_app(make_settings(database, tmp_path), database).test_cli_runner()
