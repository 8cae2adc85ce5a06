"""A page shows its own world, Live or Test, and what belongs to the merchant as a whole."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from flask import Flask
from sqlalchemy import select

from app.db.base import Base
from app.models.audit import OF_THE_MERCHANT as OF_THE_MERCHANT_SQL
from app.models.devices import Device
from app.models.merchants import LIVE, SANDBOX
from app.models.registry import WORKSPACE_TABLES
from app.rules.actors import SYSTEM
from app.services import locations, programs
from app.services.audit import log
from app.services.staff import pins
from app.web.audit import routes as audit
from tests import factories
from tests.cast import Cast
from tests.support.statements import Statement, statements_heard
from tests.web.test_route_walk import LEAVING, Cell, Walker, cells, make_things, sign_in, sign_in_of

WAYS: tuple[Mapping[str, str], ...] = ({}, {"HX-Request": "true", "HX-Target": "dialog"})
"""How a browser asks: for a page, and for a part of it."""

OF_THE_MERCHANT = ("mer_", "stf_", "ws_", "inv_", "pky_")
"""What the ids begin with of what belongs to the merchant as a whole."""

AN_ID = re.compile(r"\b[a-z]{2,4}_[0-9a-z]{26}\b")

GUIDE = "developers.guide", "developers.index"
"""The guide is about Test, whichever world one is in: its calls are made with a test key."""


@dataclass(frozen=True)
class World:
    """One of the two worlds, with something of everything.

    Attributes:
        things: what the routes name.
        marks: the ids, names, reasons and points that exist in this world only.
    """

    cast: Cast
    things: dict[str, str]
    marks: frozenset[str]


@dataclass(frozen=True)
class Both:
    """The two worlds of a merchant."""

    test: World
    live: World


@pytest.fixture(autouse=True)
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the limit of exports above what a walk needs."""
    unlimited = dataclasses.replace(vars(audit.export)["access"], rate=None)
    monkeypatch.setitem(vars(audit.export), "access", unlimited)


@pytest.fixture
def both(cast: Cast, app: Flask) -> Both:
    """Make something distinctive of everything in each world."""
    here = dataclasses.replace(cast, location_id=_shop(cast, cast.workspace_id, "Testquay"))
    there = _cast_of_live(cast)
    for role, pin in (("cashier", "704182"), ("manager", "930517")):
        factories.take_pin(cast, role, pin)
    return Both(_fill(here, app, SANDBOX, "Test", 71_713), _fill(there, app, LIVE, "Live", 83_837))


def _cast_of_live(cast: Cast) -> Cast:
    location_id = _shop(cast, cast.live_workspace_id, "Livequay")
    with cast.database.writing() as session:
        program = programs.create(
            session,
            workspace_id=cast.live_workspace_id,
            rules=factories.make_rules(name="Liveprogram", currency_name="beans"),
            by=SYSTEM,
        )
    people = {
        role: dataclasses.replace(getattr(cast, role), location_id=location_id)
        for role in ("owner", "manager", "cashier", "viewer")
    }
    return dataclasses.replace(
        cast,
        workspace_id=cast.live_workspace_id,
        live_workspace_id=cast.workspace_id,
        program_id=program.id,
        location_id=location_id,
        **people,
    )


def _shop(cast: Cast, workspace_id: str, name: str) -> str:
    with cast.database.writing() as session:
        return locations.add(session, workspace_id=workspace_id, name=name, by=SYSTEM).id


def _fill(cast: Cast, app: Flask, mode: str, word: str, points: int) -> World:
    """Make what the routes name, and acts with a word and points that are found again."""
    things = make_things(cast, app, cast.owner, mode)
    member = factories.enrol(cast, f"{word}member Person", email=f"{word}@example.com")
    factories.award(cast, member, points, reason=f"{word}reason")
    factories.adjust(cast, member, -1, reason=f"{word}correction")
    reward = factories.make_reward(cast, f"{word}reward", points_cost=points - 100)
    factories.redeem(cast, member, reward)
    factories.make_endpoint(cast, url=f"https://{word}hooks.example.com/")
    with cast.database.writing() as session:
        till = session.get_one(Device, things["device_id"])
        till.name = f"{word}till"
        # At that till, so that a sign-in carries the till and its shop.
        pins.sign_in(
            session, device=till, staff_id=cast.cashier.id or "", pin="704182", hours=1, agent=""
        )
        locations.bind(
            session,
            workspace_id=cast.workspace_id,
            merchant_id=cast.merchant_id,
            staff_id=cast.viewer.id or "",
            location_ids=[cast.location_id],
            by=cast.owner,
        )
    words = ("member", "reason", "correction", "reward", "hooks", "till", "quay", "program")
    marks = {f"{word}{each}".casefold() for each in words} | {f"{points:,}", str(points)}
    return World(cast, things, frozenset(marks | _ids_of(cast, mode)))


def _ids_of(cast: Cast, mode: str) -> set[str]:
    """Give every id in the rows of a world."""
    found = set()
    with cast.database.reading() as session:
        for name, table in Base.metadata.tables.items():
            if name in WORKSPACE_TABLES:
                # Acts of the merchant as a whole are kept in Live.
                own = table.c.workspace_id == cast.workspace_id
                if name == "audit_entries":
                    own &= table.c.act.not_like("staff.%") | (table.c.act == "staff.bind")
            elif "mode" in table.columns and name != "staff_sessions":
                own = (table.c.merchant_id == cast.merchant_id) & (table.c.mode == mode)
            else:
                continue
            for row in session.execute(select(table).where(own)):
                found.update(AN_ID.findall(repr(row)))
    return {each for each in found if not each.startswith(OF_THE_MERCHANT)}


QUERIES = (
    "/audit?act=ledger.award",
    "/audit?act=staff.sign_in",
    "/audit?act=staff.bind",
    "/audit?act=devices.register",
    "/audit?member={member_id}",
    "/audit/export?act=staff.sign_in",
    "/audit/export?member={member_id}",
    "/members?q=member",
    "/members?q={member_id}",
    "/members/search?q=member",
    "/members/search?q={redemption_id}",
    "/members/search?q={entry_id}",
    "/redemptions?q={redemption_id}",
    "/redemptions?status=confirmed",
    "/counter?q=member",
    "/counter?member={member_id}",
    "/counter?redemption={redemption_id}",
    "/counter?award={entry_id}",
    "/developers/requests?key={key_id}",
    "/developers/webhooks/deliveries?to={endpoint_id}",
)
"""What is asked for beside each page."""


def walk(app: Flask, visitor: Walker, both: Both) -> Iterator[tuple[str, str, str]]:
    """Ask for each page, with the ids of either world; give endpoint, address and answer.

    What the address says is taken out of the answer: a search shows what was asked for.
    """
    for asked in (both.test, both.live):
        for cell, path in _asked(app, asked.things):
            for headers in WAYS:
                answer = visitor.client.get(path, headers=headers)
                assert answer.status_code in {200, 204, 302, 303, 404}, (path, answer.status_code)
                text = html.unescape(answer.get_data(as_text=True)).casefold()
                answer.close()
                for each in AN_ID.findall(path):
                    text = text.replace(each, "")
                yield cell, path, text


def _asked(app: Flask, things: dict[str, str]) -> Iterator[tuple[str, str]]:
    for cell in cells(app):
        if cell.method == "GET" and _is_of_one_world(cell):
            yield cell.endpoint, cell.path(app, things)
    for query in QUERIES:
        yield query.partition("?")[0], query.format(**things)


def _is_of_one_world(cell: Cell) -> bool:
    """Say whether a page is of the person's world: a public one is of whoever has its link."""
    return cell.permission is not None and cell.endpoint not in LEAVING


def shown(app: Flask, visitor: Walker, both: Both, world: World) -> dict[str, set[str]]:
    """Give what a walk shows of a world, by the addresses at which it does."""
    found = {
        path: {each for each in world.marks if each in text}
        for _, path, text in walk(app, visitor, both)
    }
    return {path: marks for path, marks in found.items() if marks}


def enter(app: Flask, both: Both, *, is_live: bool, has_second_factor: bool) -> Walker:
    """Sign the owner in, and go to a world."""
    visitor = sign_in(app, "owner")
    if has_second_factor:
        visitor.go_live()
        visitor.post("/mode", {**visitor.get("/you").fields("/mode"), "mode": "sandbox"})
    if is_live:
        visitor.post("/mode", {**visitor.get("/you").fields("/mode"), "mode": LIVE})
    for world in (both.test, both.live):
        world.things["token_hash"] = sign_in_of(world.cast, "owner")
    return visitor


@pytest.mark.parametrize("has_second_factor", [False, True])
def test_in_test_nothing_of_live_is_shown(both: Both, app: Flask, has_second_factor: bool) -> None:
    visitor = enter(app, both, is_live=False, has_second_factor=has_second_factor)

    assert shown(app, visitor, both, both.live) == {}
    assert len(shown(app, visitor, both, both.test)) > 40


def test_in_live_nothing_of_test_is_shown(both: Both, app: Flask) -> None:
    visitor = enter(app, both, is_live=True, has_second_factor=True)

    assert shown(app, visitor, both, both.test) == {}
    assert len(shown(app, visitor, both, both.live)) > 40


def test_without_the_second_factor_nothing_of_either_is_shown_in_live(
    both: Both, app: Flask
) -> None:
    visitor = enter(app, both, is_live=True, has_second_factor=False)

    for world in (both.test, both.live):
        assert shown(app, visitor, both, world) == {}
    for cell in cells(app):
        if cell.method == "GET" and _is_of_one_world(cell):
            answer = visitor.get(cell.path(app, both.live.things))
            leads_away = answer.location == "/you/second-factor"
            assert leads_away or cell.access.without_second_factor, cell.endpoint


def test_the_walk_catches_a_page_that_reads_the_other_world(
    both: Both, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = enter(app, both, is_live=False, has_second_factor=False)

    with monkeypatch.context() as patch:
        patch.setattr(log, "OF_THE_MERCHANT", "1 = 1")
        assert {"/audit", "/audit/export"} <= shown(app, visitor, both, both.live).keys()
    with monkeypatch.context() as patch:
        live_id = both.live.cast.workspace_id
        patch.setattr("app.web.members.routes.workspace_id", lambda: live_id)
        patch.setattr("app.web.redemptions.routes.workspace_id", lambda: live_id)
        found = shown(app, visitor, both, both.live)
    assert {"/members", "/redemptions", f"/members/{both.live.things['member_id']}"} <= found.keys()


@pytest.mark.parametrize("is_live", [False, True])
def test_no_statement_of_a_page_reads_the_other_world(
    both: Both, app: Flask, is_live: bool
) -> None:
    visitor = enter(app, both, is_live=is_live, has_second_factor=True)
    other = both.test if is_live else both.live

    faults = []
    for cell, path in _asked(app, other.things):
        with statements_heard(other.cast.database) as heard:
            visitor.client.get(path).close()
        faults += [
            (path, each.sql)
            for each in heard
            if other.cast.workspace_id in each.values and not _is_of_both(cell, each, is_live)
        ]

    assert faults == []


def _is_of_both(endpoint: str, statement: Statement, is_live: bool) -> bool:
    """Say whether a statement reads what belongs to both worlds, or the guide, which is of Test."""
    if is_live:
        return endpoint in GUIDE and "api_requests" in statement.sql
    # The names of acts are read by index, and those of Live are left out afterwards.
    is_of_names = "min(audit_entries.act)" in statement.sql
    return OF_THE_MERCHANT_SQL in statement.sql or is_of_names


def test_a_message_of_one_world_is_not_shown_in_the_other(both: Both, app: Flask) -> None:
    visitor = enter(app, both, is_live=True, has_second_factor=True)
    form = f"/members/{both.live.things['member_id']}/award"
    assert visitor.send(form, points="7", reason="Purchase").status == 303

    # A plain form's page did not come any more: another tab switches first.
    visitor.post("/mode", {**visitor.form, "mode": SANDBOX})

    assert "7 points" not in visitor.get("/").text


def test_an_act_says_where_it_belongs(both: Both, app: Flask) -> None:
    visitor = enter(app, both, is_live=False, has_second_factor=True)
    signed_in = visitor.get("/audit?act=staff.sign_in").text
    assert "Testquay, Testtill" in signed_in
    assert "In Live" in signed_in
    assert "Test and Live" in visitor.get("/audit?act=staff.create").text

    visitor.post("/mode", {**visitor.get("/you").fields("/mode"), "mode": LIVE})

    signed_in = visitor.get("/audit?act=staff.sign_in").text
    assert "Livequay, Livetill" in signed_in
    assert "In Test" in signed_in
