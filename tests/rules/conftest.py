"""Rules are pure: a test of one that asks for a database belongs to the services."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def sqlite_maker() -> None:
    """Refuse a database."""
    pytest.fail("a test of a rule needs no database; put it into tests/services")


@pytest.fixture(scope="session")
def postgres_server(sqlite_maker: None) -> None:
    """Refuse a server."""
