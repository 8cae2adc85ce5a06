"""Making what tests need, through the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyotp
from sqlalchemy.orm import Session

from app import clock
from app.db.database import Database
from app.ids import new_id, new_token
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.programs import Program
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.models.second_factors import Passkey
from app.models.webhooks import WebhookEndpoint
from app.rules.actors import SYSTEM, Actor
from app.rules.ledger import Entry
from app.rules.redeeming import RedemptionRow
from app.services import devices, locations, merchants, programs, redemptions, rewards, workspaces
from app.services.ledger import acts
from app.services.ledger import verify as ledger_verify
from app.services.members import enrolment
from app.services.members.customers import Person
from app.services.programs import Rules
from app.services.results import Result
from app.services.rewards import Terms
from app.services.staff import allowances, pins, second_factors, sign_ins
from app.services.staff import people as staff_people
from app.services.staff.allowances import Limits
from app.services.webhooks import endpoints
from tests.cast import Cast

PASSWORD = "correct horse battery"

TIERS = [
    {"key": "bronze", "name": "Bronze", "threshold": 0},
    {"key": "silver", "name": "Silver", "threshold": 500},
    {"key": "gold", "name": "Gold", "threshold": 2000},
]


def make_rules(**changes: Any) -> Rules:
    """Give the rules of the shop's program."""
    rules: dict[str, Any] = {
        "name": "Harbour Regulars",
        "currency_name": "points",
        "time_zone": "Europe/Dublin",
        "point_value_thousandths": 800,
        "earn_points_per_unit": 10,
        "tiers": TIERS,
    }
    return Rules(**{**rules, **changes})


def make_cast(database: Database, domain: str = "harbour.example.com") -> Cast:
    """Make the shop, or another one whose people's addresses end differently."""
    with database.writing() as session:
        merchant = merchants.create(session, name="Harbour Roasters")
        people = {
            role: staff_people.create(
                session,
                merchant_id=merchant.id,
                email=f"{role}@{domain}",
                name=f"{role.title()} Person",
                role=role,
                password=PASSWORD,
                by=SYSTEM,
            )
            for role in ("owner", "manager", "cashier", "viewer")
        }
        sandbox = workspaces.get_workspace(session, merchant_id=merchant.id, mode="sandbox")
        live = workspaces.get_workspace(session, merchant_id=merchant.id, mode="live")
        location = locations.add(session, workspace_id=sandbox.id, name="Quay Street", by=SYSTEM)
        program = programs.create(session, workspace_id=sandbox.id, rules=make_rules(), by=SYSTEM)
    actors = {
        role: Actor(
            kind="staff",
            id=person.id,
            role=role,
            location_id=location.id,
        )
        for role, person in people.items()
    }
    return Cast(
        database=database,
        merchant_id=merchant.id,
        workspace_id=sandbox.id,
        live_workspace_id=live.id,
        program_id=program.id,
        location_id=location.id,
        **actors,
    )


def make_program(cast: Cast, **rules: Any) -> Program:
    """Make another program."""
    with cast.database.writing() as session:
        return programs.create(
            session, workspace_id=cast.workspace_id, rules=make_rules(**rules), by=cast.owner
        )


def enrol(
    cast: Cast, name: str = "Ngozi Okafor", *, customer_id: str | None = None, **record: str
) -> Member:
    """Enrol a member; `record` holds the email, phone and card number."""
    with cast.database.writing() as session:
        return enrolment.enrol(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            customer_id=customer_id,
            person=Person(name=name, **record),
            by=cast.manager,
        ).value


def award(cast: Cast, member: Member, points: int, **more: Any) -> Entry:
    """Award points as the manager, unless `by` says otherwise."""
    given: dict[str, Any] = {"reason": "Purchase", "by": cast.manager, **more}
    with cast.database.writing() as session:
        return acts.award(
            session,
            workspace_id=cast.workspace_id,
            member_id=member.id,
            points=points,
            **given,
        ).value


def make_reward(cast: Cast, name: str = "Any hot drink", **terms: Any) -> Reward:
    """Define a reward."""
    defaults: Mapping[str, Any] = {"type": "free_product", "points_cost": 450}
    with cast.database.writing() as session:
        return rewards.create(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            terms=Terms(name=name, **{**defaults, **terms}),
            by=cast.manager,
        )


def redeem(cast: Cast, member: Member, reward: Reward, **more: Any) -> RedemptionRow:
    """Redeem a reward as the cashier, unless `by` says otherwise."""
    given: dict[str, Any] = {"by": cast.cashier, **more}
    with cast.database.writing() as session:
        return redemptions.redeem(
            session,
            workspace_id=cast.workspace_id,
            member_id=member.id,
            reward_id=reward.id,
            **given,
        )


def reverse(cast: Cast, entry: Entry | LedgerEntry, **more: Any) -> Entry:
    """Reverse an entry as the manager, whole unless `points` says otherwise."""
    given: dict[str, Any] = {"reason": "Refund", "by": cast.manager, **more}
    with cast.database.writing() as session:
        return acts.reverse(session, workspace_id=cast.workspace_id, entry_id=entry.id, **given)


def adjust(cast: Cast, member: Member, points: int, **more: Any) -> Entry:
    """Adjust a balance as the manager, unless `by` says otherwise."""
    given: dict[str, Any] = {"reason": "Correction", "by": cast.manager, **more}
    with cast.database.writing() as session:
        return acts.adjust(
            session, workspace_id=cast.workspace_id, member_id=member.id, points=points, **given
        )


def fulfil(
    cast: Cast, redemption: Redemption | RedemptionRow, by: Actor | None = None
) -> Result[RedemptionRow]:
    """Hand a reward over as the cashier, unless `by` says otherwise."""
    with cast.database.writing() as session:
        return redemptions.fulfil(
            session,
            workspace_id=cast.workspace_id,
            redemption_id=redemption.id,
            by=by or cast.cashier,
        )


def cancel(
    cast: Cast, redemption: Redemption | RedemptionRow, **more: Any
) -> Result[RedemptionRow]:
    """Cancel a redemption as the manager, unless `by` says otherwise."""
    given: dict[str, Any] = {"by": cast.manager, **more}
    with cast.database.writing() as session:
        return redemptions.cancel(
            session, workspace_id=cast.workspace_id, redemption_id=redemption.id, **given
        )


def close(cast: Cast, member: Member) -> Member:
    """Close a member as the manager."""
    with cast.database.writing() as session:
        return enrolment.close(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.manager
        )


def reopen(cast: Cast, member: Member) -> Member:
    """Reopen a member as the manager."""
    with cast.database.writing() as session:
        return enrolment.reopen(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.manager
        )


def archive(cast: Cast, reward: Reward) -> Reward:
    """Archive a reward as the manager."""
    with cast.database.writing() as session:
        return rewards.archive(
            session, workspace_id=cast.workspace_id, reward_id=reward.id, by=cast.manager
        )


def edit_reward(cast: Cast, reward: Reward, **changes: Any) -> Reward:
    """Change some of a reward's terms as the manager."""
    with cast.database.writing() as session:
        return rewards.edit(
            session,
            workspace_id=cast.workspace_id,
            reward_id=reward.id,
            changes=changes,
            by=cast.manager,
        )


def edit_program(cast: Cast, **changes: Any) -> Program:
    """Change some of the program's rules as the manager."""
    with cast.database.writing() as session:
        return programs.edit(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            changes=changes,
            by=cast.manager,
        )


def make_endpoint(
    cast: Cast, *events: str, url: str = "https://shop.example.com/hooks"
) -> WebhookEndpoint:
    """Make a webhook endpoint, of some events or all."""
    with cast.database.writing() as session:
        return endpoints.create_endpoint(
            session,
            workspace_id=cast.workspace_id,
            url=url,
            enabled_events=list(events) or ["*"],
            allows_http=True,
            by=cast.owner,
        ).endpoint


def invite(
    cast: Cast, email: str = "rosa@example.com", name: str = "Rosa Lima", role: str = "cashier"
) -> staff_people.Invited:
    """Invite a person."""
    with cast.database.writing() as session:
        return staff_people.invite(
            session,
            merchant_id=cast.merchant_id,
            email=email,
            name=name,
            role=role,
            by=cast.owner,
        )


def register_till(cast: Cast, *, idle_minutes: int = 5) -> devices.Registered:
    """Register a till of the shop in Quay Street."""
    with cast.database.writing() as session:
        return register_in(session, cast, idle_minutes=idle_minutes)


def register_in(
    session: Session,
    cast: Cast,
    *,
    mode: str = "sandbox",
    location_id: str = "",
    idle_minutes: int = 5,
) -> devices.Registered:
    """Register a till in a session that is open."""
    return devices.register(
        session,
        workspace=workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode=mode),
        location_id=location_id or cast.location_id,
        name="Till 1",
        idle_minutes=idle_minutes,
        session_token="nobody's",
        by=cast.manager,
    )


def take_pin(cast: Cast, role: str, pin: str) -> None:
    """Let the shop's person of a role have a PIN."""
    with cast.database.writing() as session:
        take_pin_in(session, cast, role, pin)


def take_pin_in(session: Session, cast: Cast, role: str, pin: str) -> None:
    """Do the same in a session that is open."""
    person: Actor = getattr(cast, role)
    pins.set_own(session, staff_id=person.id or "", password=PASSWORD, pin=pin, by=person)


def limit(cast: Cast, holder: str, per_award: int | None, per_shift: int | None) -> None:
    """Limit what a role, or the person of an id, may give by hand."""
    with cast.database.writing() as session:
        allowances.set_for(
            session,
            merchant_id=cast.merchant_id,
            holder=holder,
            limits=Limits(per_award, per_shift),
            by=cast.owner,
        )


def reload_reward(cast: Cast, reward: Reward) -> Reward:
    """Read a reward anew."""
    with cast.database.reading() as session:
        return rewards.get_reward(session, workspace_id=cast.workspace_id, reward_id=reward.id)


def reload(cast: Cast, member: Member) -> Member:
    """Read a member anew."""
    with cast.database.reading() as session:
        return enrolment.get_member(session, workspace_id=cast.workspace_id, member_id=member.id)


def verify(cast: Cast) -> ledger_verify.Report:
    """Verify the shop's sandbox."""
    return verify_workspace(cast.database, cast.workspace_id)


def verify_workspace(database: Database, workspace_id: str) -> ledger_verify.Report:
    """Verify one workspace."""
    with database.reading() as session:
        return ledger_verify.verify_workspace(session, workspace_id=workspace_id)


def sign_in(session: Session, role: str) -> sign_ins.SignIn:
    """Sign the shop's person of a role in, by password alone."""
    found = sign_ins.sign_in(
        session,
        email=f"{role}@harbour.example.com",
        password=PASSWORD,
        address="127.0.0.1",
        mode="sandbox",
        hours=12,
    )
    assert found is not None
    return found


def set_up_app(cast: Cast, role: str) -> str:
    """Let the shop's person of a role have an authenticator app, and give its secret."""
    person: Actor = getattr(cast, role)
    with cast.database.writing() as session:
        token = sign_in(session, role).token
        second_factors.begin(session, staff_id=person.id or "")
        state = second_factors.get_state(session, staff_id=person.id or "")
        assert state.setup is not None
        code = pyotp.TOTP(state.setup.secret).at(clock.now())
        assert second_factors.confirm(session, token=token, code=code, by=person)
    return state.setup.secret


def add_passkey(cast: Cast, person: Actor) -> Passkey:
    """Let a person have a passkey that no device holds, beside the password that is enough."""
    with cast.database.writing() as session:
        passkey = Passkey(
            id=new_id("pky"),
            staff_id=person.id or "",
            credential_id=new_token(),
            public_key="none",
            sign_count=0,
            name="Telephone",
            created_at=clock.now(),
        )
        session.add(passkey)
    return passkey


def end_sessions(cast: Cast) -> None:
    """End every sign-in of the shop's staff on the server."""
    with cast.database.writing() as session:
        for actor in (cast.owner, cast.manager, cast.cashier, cast.viewer):
            sign_ins.revoke_sessions(session, staff_id=actor.id or "")
