"""What the tests of the command line share.

Commands are tested on both databases; tests of processes, ports and words ask for `sqlite_cast`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskCliRunner

from app.db.database import Database
from app.factory import create_app
from tests.cast import Cast
from tests.support.settings import make_settings
from tests.support.shops import shop_in


@pytest.fixture
def cli(database: Database, tmp_path: Path) -> FlaskCliRunner:
    """Give the command line of an installation with this database."""
    return create_app(make_settings(database, tmp_path), database).test_cli_runner()


@pytest.fixture
def sqlite_cast(sqlite: Database) -> Cast:
    """Give the shop on SQLite alone, for tests of processes and words and of no SQL."""
    return shop_in(sqlite)
