"""Every route of the dashboard, asked for as every role, from another shop and the other mode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from app import clock
from app.db.base import Base
from app.http import access
from app.http.access import Access
from app.ids import new_token
from app.rules.actors import Actor, Permission
from app.services import workspaces
from app.services.api_keys import keys
from app.services.members import cards
from app.services.payments import sources
from app.services.staff import people
from app.services.webhooks import resends
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.pages import Page, Visitor
from tests.support.payments import Teller, completed, make_source
from tests.support.webhooks import deliveries, dispatch

ROLES = ("owner", "manager", "cashier", "viewer")

LOWEST_ROLE = {
    Permission.READ: "viewer",
    Permission.ENROL: "cashier",
    Permission.AWARD: "cashier",
    Permission.REDEEM: "cashier",
    Permission.FULFIL: "cashier",
    Permission.UNDO_OWN: "cashier",
    Permission.ADJUST: "manager",
    Permission.EDIT_MEMBERS: "manager",
    Permission.EDIT_REWARDS: "manager",
    Permission.EDIT_PROGRAMS: "manager",
    Permission.MANAGE_WEBHOOKS: "manager",
    Permission.MANAGE_LOCATIONS: "manager",
    Permission.MANAGE_STAFF: "owner",
    Permission.MANAGE_KEYS: "owner",
}
"""What spec section 7 grants, said a second time: the table in the code is not its own judge."""

LEAVING = ("pins.lock", "staff.sign_out")
"""Routes after which a browser is signed out: each is walked with a sign-in of its own."""

AT_THE_END = ("people.disable", "webhooks.delete", "people.revoke_session")
"""Routes after which another route would have nothing left to act on."""

OF_THE_MERCHANT = ("people.", "passkeys.")
"""What both workspaces of a merchant share: the people and their keys."""

NEVER = {401, 403, 404, 405}
"""What a request never gets that may be made."""


@dataclass(frozen=True)
class Cell:
    """One request of the walk."""

    endpoint: str
    method: str
    rule: Rule
    access: Access

    @property
    def permission(self) -> Permission | None:
        """Return the permission that the route needs; None if it is public."""
        return self.access.permission

    def path(self, app: Flask, things: dict[str, str]) -> str:
        """Give the address of a real thing."""
        named = {
            name: things.get(f"{self.endpoint} {name}", things.get(name, ""))
            for name in self.rule.arguments
        }
        assert all(named.values()), f"{self.endpoint} needs {self.rule.arguments}"
        return str(app.url_map.bind("localhost").build(self.endpoint, named))


def cells(app: Flask) -> list[Cell]:
    """List all requests, those that take something away at the end."""
    needed = access.routes(app)
    found = [
        Cell(rule.endpoint, method, rule, needed[rule.endpoint])
        for rule in app.url_map.iter_rules()
        if not rule.rule.startswith("/v1/")
        for method in ("GET", "POST")
        if method in (rule.methods or ())
    ]
    return sorted(
        found, key=lambda cell: (_place(cell.endpoint), cell.method, cell.endpoint, cell.rule.rule)
    )


def _place(endpoint: str) -> int:
    return AT_THE_END.index(endpoint) if endpoint in AT_THE_END else -1


def make_things(cast: Cast, app: Flask, by: Actor, mode: str = "sandbox") -> dict[str, str]:
    """Make one of each thing that a route can name, by a person who may undo it.

    Args:
        mode: the workspace of the cast.
    """
    member = factories.enrol(cast, "Hana Kovářová")
    reward = factories.make_reward(cast, points_cost=10)
    endpoint = factories.make_endpoint(cast)
    maker = by if by.may(Permission.AWARD) else cast.cashier
    entries = [factories.award(cast, member, 100, by=maker).id for _ in range(4)]
    redeemed = [factories.redeem(cast, member, reward, by=maker).id for _ in range(3)]
    api = Program(app, make_secret(cast, mode=mode))
    body = {"accountId": member.id, "points": 250, "reason": "purchase"}
    called = api.post("/loyalty/points/award", body)
    api.logged()
    dispatch(cast)
    source = make_source(cast, mode=mode)
    Teller(app, source).tell(completed(f"pay_{source.id}", customerId="nobody"))
    domain = f"shop{member.id[-8:]}.example.com"
    invited = [factories.invite(cast, f"{n}@{domain}") for n in range(2)]
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode=mode)
        link = cards.make_link(session, workspace=workspace, member_id=member.id, by=cast.manager)
        resend = resends.resend_range(
            session,
            workspace_id=cast.workspace_id,
            endpoint_id=endpoint.id,
            since=clock.now() - timedelta(hours=1),
            until=clock.now() + timedelta(hours=1),
            with_delivered=True,
            by=cast.owner,
        )
        (told,) = sources.list_events(session, workspace_id=cast.workspace_id, source_id=source.id)
        key = keys.list_keys(session, workspace=workspace)[0]
        target = people.create(
            session,
            merchant_id=cast.merchant_id,
            email=f"target@{domain}",
            name="Target Person",
            role="viewer",
            password=factories.PASSWORD,
            by=cast.owner,
        )
    with cast.database.writing() as session:
        till = factories.register_in(session, cast, mode=mode).device
    passkey = factories.add_passkey(cast, by)
    return {
        "member_id": member.id,
        "reward_id": reward.id,
        "program_id": cast.program_id,
        "entry_id": entries[0],
        "ledger.undo entry_id": entries[1],
        "counter.undo_award entry_id": entries[2],
        "developers.request_of_entry entry_id": called.body["id"],
        "redemption_id": redeemed[0],
        "redemptions.fulfil redemption_id": redeemed[1],
        "counter.undo_redemption redemption_id": redeemed[2],
        "endpoint_id": endpoint.id,
        "delivery_id": deliveries(cast)[-1].id,
        "resend_id": resend.id,
        "source_id": source.id,
        "event_id": told.id,
        "key_id": key.id,
        "request_id": called.response.headers["X-Request-Id"],
        "staff_id": target.id,
        "location_id": cast.location_id,
        "device_id": till.id,
        "passkey_id": passkey.id,
        "invite_id": invited[0].invite.id,
        "people.join_form token": invited[1].token,
        "people.join token": invited[1].token,
        "cards.public token": link.token,
        "filename": "app.css",
    }


def ask(visitor: Walker, app: Flask, cell: Cell, things: dict[str, str]) -> Page:
    """Make a request of the walk, a POST with all that a browser would bring but what is typed."""
    path = cell.path(app, things)
    if cell.method == "GET":
        answer = visitor.get(path)
    else:
        offer = f"{things['reward_id']} 10"
        answer = visitor.post(path, {**visitor.form, "once": new_token(), "offer": offer})
    answer.response.close()
    return answer


class Walker(Visitor):
    """A browser with a good form at hand; `form` holds what proves where it was opened."""

    form: Mapping[str, str]

    def take_form(self, path: str = "/you", action: str = "/sign-out") -> None:
        """Take the hidden fields of a form."""
        self.form = self.get(path).fields(action)


def sign_in(app: Flask, role: str, domain: str = "harbour.example.com") -> Walker:
    """Sign a person in."""
    walker = Walker(app)
    walker.sign_in(role, domain=domain)
    walker.take_form()
    return walker


def sign_in_of(cast: Cast, role: str) -> str:
    """Name a person's sign-in as its own page does."""
    with cast.database.reading() as session:
        (here, *_) = people.list_sessions(session, staff_id=getattr(cast, role).id)
    return here.token_hash


LEFT_BEHIND = ("staff_sessions", "sign_in_throttles", "audit_entries")
"""The tables in which being refused leaves its trace."""


def everything(cast: Cast, but: Sequence[str] = LEFT_BEHIND) -> dict[str, Any]:
    """Give all rows of all tables but some."""
    with cast.database.reading() as session:
        return {
            name: sorted(map(repr, session.execute(select(table)).all()))
            for name, table in Base.metadata.tables.items()
            if name not in but
        }


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_the_specification_says(cast: Cast, app: Flask, role: str) -> None:
    things = make_things(cast, app, getattr(cast, role))
    visitor = sign_in(app, role)
    things["token_hash"] = sign_in_of(cast, role)
    before = everything(cast)
    walk = cells(app)
    allowed = [
        cell
        for cell in walk
        if cell.permission is None or ROLES.index(role) <= ROLES.index(LOWEST_ROLE[cell.permission])
    ]

    refused = [cell for cell in walk if cell not in allowed]
    kept_out = {
        (cell.endpoint, cell.method): ask(visitor, app, cell, things).status for cell in refused
    }
    assert set(kept_out.values()) <= {403}, kept_out
    assert everything(cast) == before

    for cell in allowed:
        is_leaving = cell.endpoint in LEAVING
        answer = ask(sign_in(app, role) if is_leaving else visitor, app, cell, things)
        # Whoever leaves, and whoever asks for a till that this browser is not.
        leads_to_sign_in = is_leaving or cell.endpoint.startswith("pins.")
        at_sign_in = answer.location.startswith("/sign-in") and not leads_to_sign_in
        was_let_in = answer.status not in NEVER and answer.status < 500 and not at_sign_in
        assert was_let_in, (cell.endpoint, cell.method, answer.status, answer.text)


def test_without_a_sign_in_only_public_routes_answer(cast: Cast, app: Flask) -> None:
    things = make_things(cast, app, cast.owner)
    sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    before = everything(cast)

    for cell in cells(app):
        visitor = Walker(app)
        visitor.take_form("/sign-in", "/sign-in")
        answer = ask(visitor, app, cell, things)
        at_sign_in = answer.status == 302 and answer.location.startswith("/sign-in?next=")
        assert at_sign_in == (cell.permission is not None), (cell.endpoint, answer.status)
        assert answer.status < 500
    assert everything(cast) == before


@pytest.mark.parametrize("where", ["another shop", "live", "nowhere"])
def test_what_is_not_here_is_not_found(cast: Cast, app: Flask, where: str) -> None:
    things = make_things(cast, app, cast.owner)
    sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    if where == "live":
        visitor = sign_in(app, "owner")
        visitor.go_live()
        visitor.take_form()
    elif where == "nowhere":
        things = {name: f"{each[:5]}0123456789abcdefghjkmnp"[:30] for name, each in things.items()}
        visitor = sign_in(app, "owner")
    else:
        factories.make_cast(cast.database, "rival.example.com")
        visitor = sign_in(app, "owner", "rival.example.com")
    before = everything(cast)

    found = {
        (cell.endpoint, cell.method): ask(visitor, app, cell, things).status
        for cell in cells(app)
        if cell.permission is not None
        and cell.rule.arguments
        and not (where == "live" and cell.endpoint.startswith(OF_THE_MERCHANT))
    }

    assert len(found) > 40
    assert set(found.values()) == {404}, [cell for cell in found.items() if cell[1] != 404]
    assert everything(cast) == before


def test_no_get_changes_anything(cast: Cast, app: Flask) -> None:
    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    before = everything(cast, but=())

    walked = [cell for cell in cells(app) if cell.method == "GET"]
    for cell in walked:
        ask(visitor, app, cell, things)
        assert everything(cast, but=()) == before, cell.endpoint
    assert len(walked) > 60


ELSEWHERE = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
)
"""What browsers say of a request that another site makes."""


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
@pytest.mark.parametrize("role", ["owner", ""], ids=["signed in", "signed out"])
def test_nothing_that_another_site_sends_is_done(
    cast: Cast, app: Flask, role: str, headers: dict[str, str]
) -> None:
    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    # A good token as well: it is the sender that is judged.
    sent = {**visitor.form, "offer": f"{things['reward_id']} 10", "points": "50", "reason": "x"}
    if not role:
        visitor = Walker(app)
    before, kept = everything(cast, but=()), visitor.client.get_cookie("regulars")

    walked = [cell for cell in cells(app) if cell.method == "POST"]
    for cell in walked:
        form = {**sent, "once": new_token()}
        answer = visitor.post(cell.path(app, things), form, **headers)
        assert answer.status == 403, cell.endpoint
        assert "was sent from another website" in answer.text
        assert answer.response.headers.getlist("Set-Cookie") == [], cell.endpoint
    assert len(walked) > 60
    assert everything(cast, but=()) == before
    assert visitor.client.get_cookie("regulars") == kept
    assert visitor.get("/members").status == (200 if role else 302)


@pytest.mark.parametrize("headers", ELSEWHERE[:2], ids=str)
def test_no_page_that_another_site_loads_into_itself_reads_or_sets_a_cookie(
    cast: Cast, app: Flask, headers: dict[str, str]
) -> None:
    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    before, kept = everything(cast, but=()), visitor.client.get_cookie("regulars")

    for cell in cells(app):
        if cell.method == "GET":
            path = cell.path(app, things)
            answer = visitor.get(path, **headers, **{"Sec-Fetch-Dest": "image"})
            answer.response.close()
            assert (answer.status == 302) == (cell.permission is not None) or (
                cell.endpoint.startswith("pins.")
            ), cell.endpoint
            assert answer.response.headers.getlist("Set-Cookie") == [], cell.endpoint
    assert everything(cast, but=()) == before
    assert visitor.client.get_cookie("regulars") == kept


def test_no_post_without_its_token_changes_anything(cast: Cast, app: Flask) -> None:
    things = make_things(cast, app, cast.owner)
    visitor = sign_in(app, "owner")
    things["token_hash"] = sign_in_of(cast, "owner")
    stranger = Walker(app)
    stranger.take_form("/sign-in", "/sign-in")
    before = everything(cast, but=())

    walked = [cell for cell in cells(app) if cell.method == "POST"]
    for token in ({}, {"csrf_token": ""}, {"csrf_token": stranger.form["csrf_token"]}):
        without = {name: value for name, value in visitor.form.items() if name != "csrf_token"}
        offer = f"{things['reward_id']} 10"
        for cell in walked:
            form = {**without, **token, "once": new_token(), "offer": offer}
            answer = visitor.post(cell.path(app, things), form)
            assert answer.status < 500, cell.endpoint
            assert everything(cast, but=()) == before, (cell.endpoint, token)
    assert len(walked) > 60
    assert visitor.get("/members").status == 200
