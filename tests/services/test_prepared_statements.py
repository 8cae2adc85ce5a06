"""Behind a pooler that hands out another connection each time, nothing may be kept on one."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.db import Database
from tests import factories

ACTS = 10
"""The driver prepares what it has sent five times."""


@pytest.mark.parametrize("prepares", [True, False])
def test_statements_are_kept_on_a_connection_only_where_they_may(
    postgres: Database, *, prepares: bool
) -> None:
    database = Database(postgres.url, prepares=prepares)
    cast = factories.make_cast(database)
    member = factories.enrol(cast)
    for _ in range(ACTS):
        factories.award(cast, member, 10)

    with database.engine.connect() as connection:
        kept = connection.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
    assert factories.verify(cast).fault is None
    database.engine.dispose()
    assert bool(kept) == prepares
