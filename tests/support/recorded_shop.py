"""A shop's rows as a release left them, for the test that upgrades it.

`python -m tests.support.recorded_shop FILE` plays a shop on the present schema and records its
rows. It is run before the first migration that follows a release; `play` may change afterwards, a
recorded file may not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Date, DateTime, Engine, MetaData, Table, insert, select
from sqlalchemy.types import TypeEngine

from app.db.database import Database
from app.factory import create_app
from app.migrations.running import upgrade
from app.services import idempotency
from app.services.idempotency import IdempotencyKey
from tests import factories
from tests.support.api import Program, make_secret
from tests.support.settings import make_settings
from tests.web.test_route_walk import make_things

AWARD: dict[str, Any] = {"points": 40, "reason": "Bag of beans"}
KEY = "kept"


def play(database: Database, folder: Path) -> dict[str, Any]:
    """Play a shop with something of everything, and return what is known of it from outside."""
    cast = factories.make_cast(database)
    app = create_app(make_settings(database, folder), database)
    things = make_things(cast, app, cast.owner)
    member = factories.enrol(cast, "Aoife Byrne", email="aoife@example.com", phone="0871234471")
    factories.reverse(cast, factories.award(cast, member, 900), points=100)
    factories.adjust(cast, member, -50)
    reward = factories.make_reward(cast, "Cake", points_cost=100, stock=5, per_member_limit=4)
    factories.fulfil(cast, factories.redeem(cast, member, reward))
    factories.cancel(cast, factories.redeem(cast, member, reward))
    factories.close(cast, factories.enrol(cast, "Kwame"))
    with database.writing() as session:
        token = factories.sign_in(session, "manager").token
        pressed = IdempotencyKey("form", "once", idempotency.fingerprint("award", {"points": "40"}))
        idempotency.claim(session, key=pressed, workspace_id=cast.workspace_id)
    secret = make_secret(cast)
    body = {"accountId": member.id, **AWARD}
    answer = Program(app, secret).post("/loyalty/points/award", body, key=KEY)
    assert answer.status == 201
    return {
        "workspaces": [cast.workspace_id, cast.live_workspace_id],
        "secret": secret,
        "token": token,
        "member": member.id,
        "answer": answer.body,
        "source": things["source_id"],
    }


def tables_of(engine: Engine) -> list[Table]:
    """List the tables of a database as they are, each after those that it refers to."""
    found = MetaData()
    found.reflect(engine)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def rows_of(engine: Engine, tables: list[Table]) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of tables, in the order of their texts."""
    with engine.connect() as connection:
        return {
            table.name: sorted(map(dict, connection.execute(select(table)).mappings()), key=repr)
            for table in tables
        }


def fill(engine: Engine, recorded: dict[str, list[dict[str, Any]]]) -> None:
    """Insert recorded rows."""
    with engine.begin() as connection:
        for table in tables_of(engine):
            for row in recorded.get(table.name, []):
                connection.execute(insert(table).values(_typed(table, row)))


def _typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _value(table.c[name].type, value)
        for name, value in row.items()
        if not (value is None and isinstance(table.c[name].type, JSON))
    }


def _value(kind: TypeEngine[Any], value: Any) -> Any:
    if value is not None and isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    if value is not None and isinstance(kind, Date):
        return date.fromisoformat(value)
    return value


def _text(value: date) -> str:
    """Return a time with its zone, which SQLite does not keep, or a day."""
    return f"{value.isoformat()}+00:00" if isinstance(value, datetime) else value.isoformat()


def main() -> None:
    """Write a file."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/shop.db")
        upgrade(database.engine)
        known = play(database, Path(folder))
        rows = rows_of(database.engine, tables_of(database.engine))
        database.engine.dispose()
    filled = {name: found for name, found in rows.items() if found and "_inside" not in name}
    text = json.dumps({"known": known, "rows": filled}, indent=1, default=_text)
    Path(sys.argv[1]).write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
