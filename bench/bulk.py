"""Writing the workspaces of `bench.workspaces`, of any size.

The members and their ledgers are worked out by `bench.lives` and written here in bulk, past the
services, with the chains, totals and redemptions that the services would have made; `ledger verify`
passes. What has no bearing on size is left out: there are no events, and an audit entry for one
act in ten.

A few batches are one transaction, and each is worked out of its own number, so an interrupted run
goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain, islice

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import clock
from app.db.base import table_of
from app.db.bulk import insert_many
from app.models.audit import AuditEntry
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.merchants import Workspace
from app.models.programs import Location
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.models.staff import Staff
from app.rules.actors import SYSTEM
from app.sandbox import seeding
from app.services import programs, totals
from app.services.api_keys import keys
from app.services.members.search import words
from bench.lives import Batch, Offer, Rows, Shop

BATCH_MEMBERS = 1_000
BATCHES_AT_ONCE = 5
"""They are one transaction: more would lose more to an interruption, fewer wait more often."""

WORTH_NO_INDEX = 200_000
"""So many new entries are written faster without their indexes, which are made afterwards."""

_CACHED_KIBIBYTES = 512 * 1024
"""The keys of ten million entries, which SQLite would else read again and again."""

_LOGGED_PAGES = 200_000
"""800 MB: a page of a key that several transactions change is copied to the file once."""

_SORTING_THREADS = 4
"""SQLite sorts what an index is made of in so many threads beside its own."""

_WRITTEN = (
    (Customer, "customers"),
    (Member, "members"),
    (Redemption, "redemptions"),
    (LedgerEntry, "entries"),
    (AuditEntry, "audit"),
)
"""What is written of `Rows`, in an order that their foreign keys allow."""


def open_shop(session: Session, *, workspace_id: str) -> Shop:
    """Give the shop of a workspace: the one that is there, or a new one with its rewards."""
    known = programs.list_programs(session, workspace_id=workspace_id)
    if not known:
        seeding.furnish(session, workspace_id=workspace_id)
        session.flush()
        known = programs.list_programs(session, workspace_id=workspace_id)
    on_offer = session.scalars(
        select(Reward)
        .where(
            Reward.workspace_id == workspace_id,
            Reward.stock_supplied.is_(None),
            Reward.per_member_limit.is_(None),
            Reward.min_tier.is_(None),
        )
        .order_by(Reward.id)
    )
    places = select(Location.id).where(Location.workspace_id == workspace_id).order_by(Location.id)
    people = (
        select(Staff.id)
        .join(Workspace, Workspace.merchant_id == Staff.merchant_id)
        .where(Workspace.id == workspace_id)
        .order_by(Staff.id)
    )
    return Shop(
        workspace_id=workspace_id,
        program_id=known[0].id,
        time_zone=totals.zone_of(session, workspace_id).key,
        tiers=known[0].tiers,
        offers=[Offer(each.id, each.name, each.points_cost) for each in on_offer],
        location_ids=session.scalars(places).all(),
        staff_ids=session.scalars(people).all(),
        key_id=_key_id(session, workspace_id),
        now=clock.now(),
    )


def _key_id(session: Session, workspace_id: str) -> str:
    """Give the id of the key that most acts came by."""
    workspace = session.get_one(Workspace, workspace_id)
    known = keys.list_keys(session, workspace=workspace)
    if known:
        return known[0].id
    return keys.create(session, workspace=workspace, name="Till system", by=SYSTEM).key.id


def count_members(session: Session, *, workspace_id: str) -> int:
    """Count the members that are there already."""
    return totals.read_workspace(session, workspace_id=workspace_id)["member_count"]


def batches(member_count: int, entry_count: int) -> Iterator[Batch]:
    """Cut the work."""
    whole = -(-member_count // BATCH_MEMBERS)
    for number in range(whole):
        first, last = number * BATCH_MEMBERS, min(member_count, (number + 1) * BATCH_MEMBERS)
        done, due = (entry_count * at // member_count for at in (first, last))
        yield Batch(number, first + 1, last - first, due - done)


def together(worked_out: Iterator[Rows]) -> Iterator[list[Rows]]:
    """Group batches into transactions."""
    while several := list(islice(worked_out, BATCHES_AT_ONCE)):
        yield several


def write(session: Session, *, shop: Shop, several: Sequence[Rows]) -> None:
    """Write batches with their totals and the words by which their people are found."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    with _fast(session) if is_sqlite else nullcontext():
        for model, name in _WRITTEN:
            rows = chain.from_iterable(getattr(each, name) for each in several)
            insert_many(session, table_of(model), rows)
    for each in several:
        for on, sums in each.days.items():
            totals.add_to_day(session, shop.workspace_id, on, sums)
        totals.add_to_workspace(session, shop.workspace_id, each.whole)
        for tier, count in each.tiers.items():
            totals.count_in_tier(
                session,
                workspace_id=shop.workspace_id,
                program_id=shop.program_id,
                tier=tier,
                change=count,
            )
        for reward_id, count in each.taken.items():
            totals.count_taken(
                session, workspace_id=shop.workspace_id, reward_id=reward_id, change=count
            )
    words.add_many(
        session,
        shop.workspace_id,
        chain.from_iterable(each.search_words for each in several),
        set().union(*(each.name_words for each in several)),
    )


@contextmanager
def _fast(session: Session) -> Iterator[None]:
    """Let SQLite keep more in memory and in its log, and not ask of each row whether it is new.

    The triggers that ask are back before anyone else sees that they were gone.
    """
    session.execute(text(f"PRAGMA cache_size = -{_CACHED_KIBIBYTES}"))
    session.execute(text(f"PRAGMA wal_autocheckpoint = {_LOGGED_PAGES}"))
    triggers = session.execute(
        text(
            "SELECT name, sql FROM sqlite_master "
            "WHERE type = 'trigger' AND name LIKE '%_refuse_replace'"
        )
    ).all()
    for trigger in triggers:
        session.execute(text(f"DROP TRIGGER {trigger.name}"))
    yield
    for trigger in triggers:
        session.connection().exec_driver_sql(trigger.sql)


def drop_indexes(session: Session) -> None:
    """Take away the indexes that `write` would have to keep up; the keys stay.

    Whoever drops them makes them again, even if the work ends early. An index that is there is
    left alone, so making them twice does no harm.
    """
    for model, _ in _WRITTEN:
        for index in table_of(model).indexes:
            index.drop(session.connection(), checkfirst=True)


def make_indexes(session: Session) -> None:
    """Make the indexes that are not there, and tell PostgreSQL's planner what is in the tables.

    SQLite's is told nothing, as in a shop, where nobody does it.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.execute(text(f"PRAGMA threads = {_SORTING_THREADS}"))
    for model, _ in _WRITTEN:
        for index in table_of(model).indexes:
            index.create(session.connection(), checkfirst=True)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ANALYZE"))
