"""Among ten thousand members no page and no call takes SQLite more steps than its rows do.

A shop's SQLite has no statistics, and one filter more can make its planner read a whole table. Time
would tell of that on a large shop only; the steps of its virtual machine tell it here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app import clock
from app.db.base import table_of
from app.db.bulk import insert_many
from app.ids import new_id
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.outbox import Event
from app.models.redemptions import Redemption
from app.models.webhooks import WebhookDelivery
from app.services import paging, recent_members
from app.services.api_keys import request_log
from app.services.members.search import matches
from app.services.webhooks import delivery_log
from bench import bulk, workspaces
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.pages import Visitor
from tests.support.webhooks import deliveries, dispatch

MEMBERS, ENTRIES = 10_000, 100_000
LOGGED = 50_000
"""Events, deliveries and requests."""

STEPS_MAX = 35_000
"""A walk along all members takes more, at five or six steps for each."""

FEW = 100
"""Bounds are lowered to this, to stay far below it."""

KNOWN = 25
"""The matches that a search reads are fewer too, as the shop is small."""

AT_ONCE = 100


class Steps:
    """How far SQLite's virtual machine has gone."""

    def __init__(self, cast: Cast) -> None:
        self.count = 0
        event.listen(cast.database.engine, "connect", self._watch)
        cast.database.engine.dispose()

    def _watch(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(self._gone, AT_ONCE)

    def _gone(self) -> int:
        self.count += AT_ONCE
        return 0


@pytest.fixture
def large(cast: Cast) -> Cast:
    """Give the shop with many members, and logs as long as theirs would be."""
    for name, cost in (("Any hot drink", 450), ("Cake of the day", 600)):
        factories.make_reward(cast, name, points_cost=cost)
    with cast.database.writing() as session:
        shop = bulk.open_shop(session, workspace_id=cast.workspace_id)
    workspaces.fill(cast.database, shop, list(bulk.batches(MEMBERS, ENTRIES)), label="")
    factories.make_endpoint(cast)
    factories.award(cast, factories.enrol(cast, "Hana"), 1000)
    dispatch(cast)
    sent = deliveries(cast)[0]
    events = [new_id("evt") for _ in range(LOGGED)]
    _repeat(
        cast,
        Event,
        sent.event_id,
        ({"id": each, "type": "loyalty.points.earned"} for each in events),
    )
    _repeat(
        cast,
        WebhookDelivery,
        sent.id,
        ({"id": new_id("whd"), "event_id": each, "status": "delivered"} for each in events),
    )
    _log_requests(cast)
    return cast


def _repeat(cast: Cast, model: type[Any], row_id: str, changes: Iterable[dict[str, Any]]) -> None:
    """Write a row again with each of some changes."""
    table = table_of(model)
    with cast.database.writing() as session:
        row = session.execute(
            select(table).where(table.c.workspace_id == cast.workspace_id, table.c.id == row_id)
        ).one()
        changed = ({**row._mapping, **each} for each in changes)
        insert_many(session, table, ([*each.values()] for each in changed))


def _log_requests(cast: Cast) -> None:
    texts = ("key_id", "method", "path", "route", "error_code", "idempotency_key", "replayed")
    request = {
        **dict.fromkeys((*texts, "body"), ""),
        **{"workspace_id": cast.workspace_id, "status": 200, "duration_ms": 1.0},
    }
    with cast.database.writing() as session:
        rows = [{**request, "id": new_id("req"), "recorded_at": clock.now()} for _ in range(LOGGED)]
        request_log.record(session, rows=rows)


def test_no_page_and_no_call_takes_many_steps_in_a_large_shop(
    large: Cast, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name in (
        *((paging, "FEW_MAX"), (recent_members, "LOOKED_AT_MAX"), (recent_members, "WALKED_MAX")),
        *((matches, "COUNT_MAX"), (delivery_log, "COUNT_MAX")),
    ):
        monkeypatch.setattr(module, name, FEW)
    monkeypatch.setattr(matches, "KNOWN_MAX", KNOWN)
    owner, program = Visitor(app).sign_in("owner"), Program(app, make_secret(large))
    steps = Steps(large)
    asked: list[tuple[Visitor | Program, str]] = [
        *((owner, path) for path in _pages(large)),
        *((program, path) for path in _calls(large)),
    ]

    too_many = []
    for who, path in asked:
        steps.count = 0
        assert who.get(path).status == 200, path
        if steps.count > STEPS_MAX:
            too_many.append(f"{steps.count:,} {path}")
    assert not too_many, "\n".join(too_many)


def _pages(cast: Cast) -> Iterator[str]:
    member, code = _middle(cast, Member), _middle(cast, Redemption, "code")
    (delivery, *_) = deliveries(cast)
    days = {"since": ["", "2024-01-01", "2026-01-01"], "until": ["", "2024-06-01"]}
    kinds = ["", "award", "adjustment"]
    yield from ("/", "/activity", "/rewards", "/programs", "/counter?q=emma", "/developers")
    yield "/rewards/preview?points_cost=500"
    yield f"/programs/{cast.program_id}/preview"
    yield from _each(
        "/members",
        q=["", "emma", "a", "zzz", "1234", "a b"],
        program=["", cast.program_id, "prog_none"],
        tier=["", "gold", "none"],
        status=["", "active", "closed"],
        below_zero=["", "1"],
    )
    yield from _each(f"/members/{member}", kind=kinds, **days)
    yield from _each(f"/members/{member}/ledger", kind=kinds, before=["", "4"], **days)
    yield from _each(
        "/redemptions", q=["", code, "zzz", "rdm_none"], status=["", "confirmed", "cancelled"]
    )
    yield from _each(
        "/audit",
        who=["", "stf_none", str(cast.cashier.id)],
        act=["", "ledger.award", "staff.invite"],
        member=["", member, "loy_none"],
        **days,
    )
    yield from _each("/developers/requests", key=["", "key_none"], failed=["", "1"])
    yield from _each(
        "/developers/webhooks/deliveries",
        to=["", "we_none", delivery.endpoint_id],
        type=["", "loyalty.points.earned", "loyalty.tier.changed"],
        state=["", "waiting", "delivered"],
    )


def _calls(cast: Cast) -> Iterator[str]:
    member, customer = _middle(cast, Member), _middle(cast, Customer)
    programs, states = ["", cast.program_id], ["", "confirmed", "cancelled"]
    entry = _middle(cast, LedgerEntry)
    with cast.database.reading() as session:
        owner = session.scalars(
            select(LedgerEntry.member_id).where(
                LedgerEntry.workspace_id == cast.workspace_id, LedgerEntry.id == entry
            )
        ).one()
    types = ["", "loyalty.points.earned", "loyalty.tier.changed"]
    lists: list[tuple[str, str, dict[str, list[str]]]] = [
        ("/customers", customer, {"email": ["", "nobody@example.com"]}),
        ("/loyalty/accounts", member, {"programId": programs, "customerId": ["", customer]}),
        ("/loyalty/points", entry, {"accountId": ["", owner]}),
        (
            "/loyalty/redemptions",
            _middle(cast, Redemption),
            {"accountId": ["", member], "status": states},
        ),
        ("/events", _middle(cast, Event), {"type": types}),
    ]
    for path, place, filters in lists:
        for where in ("", "startingAfter", "endingBefore"):
            yield from _each(path, **filters, **({where: [place]} if where else {}))


def _middle(cast: Cast, model: type[Any], column: str = "id") -> str:
    """Give the id of a row with as many before it as after."""
    here = model.workspace_id == cast.workspace_id
    with cast.database.reading() as session:
        count = session.scalar(select(func.count()).select_from(model).where(here)) or 0
        statement = select(getattr(model, column)).where(here).order_by(model.id)
        return str(session.scalars(statement.offset(count // 2).limit(1)).one())


def _each(path: str, **choices: Sequence[str]) -> Iterator[str]:
    """Give an address for each combination of what may be asked for."""
    for values in product(*choices.values()):
        chosen = {name: value for name, value in zip(choices, values, strict=True) if value}
        yield f"{path}?{urlencode(chosen)}"
