"""What the counter shows: the next customer, a search, a member or a slip.

Each function reads all of it, for one request. What the counter does goes through the same services
as everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import func, select, union_all
from sqlalchemy.orm import Session, aliased, joinedload

from app import errors
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.programs import Location
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.rules import earning, money, searching, tiers
from app.services import redemptions, rewards
from app.services.ledger import history
from app.services.members import enrolment
from app.services.members.search import matches
from app.services.names import read_names
from app.services.rewards import Offer

KEYS = range(1, 10)
HITS_MAX = 8
"""The most members that fit beside the box without scrolling. With more, a person types on."""

LAST_LINES = 3
JUST_NOW_LINES = 4


@dataclass(frozen=True, kw_only=True)
class CounterPlace:
    """Where the counter is.

    Attributes:
        location_id: the shop, or None if the person has chosen none.
        currency: the ISO 4217 code of what is paid.
    """

    workspace_id: str
    location_id: str | None
    currency: str


@dataclass(frozen=True, kw_only=True)
class KeypadKey:
    """One key of the keypad, with its reward as the member sees it, or free."""

    number: int
    offer: Offer | None


@dataclass(frozen=True, kw_only=True)
class NextReward:
    """The cheapest reward that only points are missing for.

    Attributes:
        amount_minor: a purchase that earns the missing points, or None if purchases earn nothing.
    """

    reward: Reward
    missing_points: int
    amount_minor: int | None


@dataclass(frozen=True, kw_only=True)
class CounterMember:
    """The member who is served, with customer and program.

    Attributes:
        lines: the member's newest entries, the newest first.
        keys: the keypad, or nothing beside a slip.
        next_reward: what to hint at, or None.
    """

    member: Member
    lines: Sequence[LedgerEntry]
    keys: Sequence[KeypadKey] = ()
    next_reward: NextReward | None = None


@dataclass(frozen=True, kw_only=True)
class Slip:
    """What was done for a member.

    Attributes:
        redemption: what the entry paid for, with its reward, or None.
        reversed_points: what was taken back of the entry so far.
        actor_name: the name of the person, API key or source of payments, or None.
    """

    entry: LedgerEntry
    redemption: Redemption | None
    reversed_points: int
    actor_name: str | None

    @property
    def left_points(self) -> int:
        """How many points of the entry can still be taken back."""
        return history.left_points(self.entry, self.reversed_points)

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to hand over or to undo."""
        if self.redemption is not None:
            return self.redemption.status != "confirmed"
        return self.left_points == 0


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The members to choose from.

    Attributes:
        hits: the members who match: those named exactly first, then by the newest visit.
        close: the members who come near if nobody matches.
        has_more: whether more match than `hits`.
        named_member: the only one of them whom a card, email, id or code names exactly, or None.
    """

    text: str
    is_scanned: bool
    hits: Sequence[Member]
    close: Sequence[Member]
    has_more: bool
    named_member: Member | None


@dataclass(frozen=True, kw_only=True)
class Stage:
    """All that the counter shows. Without a member and a lookup it waits for the next customer.

    Attributes:
        shop_name: the name of the shop, or "".
        just_now: the newest entries of the shop, or of all shops where none is chosen.
    """

    shop_name: str
    just_now: Sequence[LedgerEntry]
    member: CounterMember | None = None
    slip: Slip | None = None
    lookup: Lookup | None = None


def look_up(
    session: Session,
    *,
    place: CounterPlace,
    text: str,
    is_scanned: bool = False,
    opens: bool = True,
) -> Stage:
    """Return the member whom a text means, the slip of a code, or the members to choose from.

    A member is meant who is the only exact hit, or the only one who matches.

    Args:
        text: what is in the box; empty waits for the next customer.
        is_scanned: a scanner or the camera read the text, so only an exact hit is meant.
        opens: whether a member is opened, or only listed.
    """
    if not text:
        return _stage(session, place)
    # One statement finds a card, a number or an email exactly. A name takes a search.
    is_name = text.replace(" ", "").isalpha() and not is_scanned
    lookup, member = None, None
    if opens and not is_name:
        member = _find_exact(session, place, text)
    if member is None:
        lookup = _list_hits(session, place, text, is_scanned=is_scanned)
        if opens and _is_only_hit(lookup):
            member = lookup.hits[0]
        elif opens and is_name:
            member = lookup.named_member
    if member is None:
        return _stage(session, place, lookup=lookup)
    redemption = redemptions.find_by_code(session, workspace_id=place.workspace_id, text=text)
    if redemption is not None and redemption.member_id == member.id:
        return read_slip(session, place=place, redemption_id=redemption.id)
    return _stage_of_member(session, place, member)


def open_member(session: Session, *, place: CounterPlace, member_id: str) -> Stage:
    """Return a member with keypad and last lines.

    Raises:
        NotFound: no such member in this workspace.
    """
    member = enrolment.get_member(session, workspace_id=place.workspace_id, member_id=member_id)
    return _stage_of_member(session, place, member)


def read_slip(
    session: Session,
    *,
    place: CounterPlace,
    redemption_id: str | None = None,
    entry_id: str | None = None,
) -> Stage:
    """Return the slip of a redemption, or of an entry such as an award, with its member.

    Raises:
        NotFound: no such redemption or entry in this workspace.
    """
    workspace_id = place.workspace_id
    redemption = None
    if redemption_id is not None:
        redemption = redemptions.get_redemption(
            session, workspace_id=workspace_id, redemption_id=redemption_id
        )
    entry, reversed_points = _read_entry(session, workspace_id, redemption, entry_id)
    names = read_names(session, workspace_id=workspace_id, ids=[entry.actor_id])
    slip = Slip(
        entry=entry,
        redemption=redemption,
        reversed_points=reversed_points,
        actor_name=names.get(entry.actor_id),
    )
    return _stage(session, place, member=entry.member, slip=slip)


def _find_exact(session: Session, place: CounterPlace, text: str) -> Member | None:
    member_id = matches.find_exact(session, workspace_id=place.workspace_id, text=text)
    if member_id is None:
        return None
    return enrolment.get_member(session, workspace_id=place.workspace_id, member_id=member_id)


def _list_hits(session: Session, place: CounterPlace, text: str, *, is_scanned: bool) -> Lookup:
    workspace_id = place.workspace_id
    found = matches.find_members(session, workspace_id=workspace_id, text=text, limit=HITS_MAX)
    named = [each for each in found.rows if each.id in found.named_ids]
    close: Sequence[Member] = []
    if not found.rows:
        close = matches.find_close_members(session, workspace_id=workspace_id, text=text)
    return Lookup(
        text=text,
        is_scanned=is_scanned,
        hits=found.rows,
        close=close,
        has_more=found.count is None or found.count > len(found.rows),
        named_member=named[0] if len(named) == 1 else None,
    )


def _is_only_hit(lookup: Lookup) -> bool:
    """Return whether the text means the only member who matches it."""
    if lookup.is_scanned or len(lookup.hits) != 1:
        return False
    return searching.is_enough_for(lookup.hits[0].customer.phone, text=lookup.text)


def _stage_of_member(session: Session, place: CounterPlace, member: Member) -> Stage:
    offers = rewards.list_offers(session, member=member, tiers=member.program.tiers)
    return _stage(session, place, member=member, offers=offers)


def _stage(
    session: Session,
    place: CounterPlace,
    *,
    member: Member | None = None,
    offers: Sequence[Offer] | None = None,
    slip: Slip | None = None,
    lookup: Lookup | None = None,
) -> Stage:
    shop_name, entries = _read_newest(session, place, member)
    here = [each for each in entries if place.location_id in {None, each.location_id}]
    return Stage(
        shop_name=shop_name,
        just_now=here[:JUST_NOW_LINES],
        member=_counter_member(place, member, entries, offers) if member else None,
        slip=slip,
        lookup=lookup,
    )


def _counter_member(
    place: CounterPlace,
    member: Member,
    entries: Sequence[LedgerEntry],
    offers: Sequence[Offer] | None,
) -> CounterMember:
    own = [each for each in entries if each.member_id == member.id]
    lines = sorted(own, key=attrgetter("seq"), reverse=True)[:LAST_LINES]
    if offers is None:
        return CounterMember(member=member, lines=lines)
    on_keys = {offer.reward.counter_key: offer for offer in offers}
    return CounterMember(
        member=member,
        lines=lines,
        keys=[KeypadKey(number=number, offer=on_keys.get(number)) for number in KEYS],
        next_reward=_next_reward(member, offers, place.currency),
    )


def _next_reward(member: Member, offers: Sequence[Offer], currency: str) -> NextReward | None:
    missing = [
        (offer.reward.points_cost - member.balance, offer.reward)
        for offer in offers
        if offer.is_short_of_points
    ]
    if not missing:
        return None
    points, reward = min(missing, key=lambda pair: (pair[0], pair[1].id))
    amount = earning.amount_for(
        points,
        digits=money.digits(currency),
        points_per_unit=member.program.earn_points_per_unit,
        multiplier_hundredths=tiers.multiplier_hundredths(member.tier, member.program.tiers),
    )
    return NextReward(reward=reward, missing_points=points, amount_minor=amount)


def _read_newest(
    session: Session, place: CounterPlace, member: Member | None
) -> tuple[str, list[LedgerEntry]]:
    """Read the shop's name, and its newest entries together with those of a member.

    Returns:
        The name or "", and the entries with their members and customers, the newest first.
    """
    of_workspace = LedgerEntry.workspace_id == place.workspace_id
    ids = select(LedgerEntry.id).where(of_workspace)
    here = ids.order_by(LedgerEntry.recorded_at.desc(), LedgerEntry.id.desc())
    if place.location_id is not None:
        here = here.where(LedgerEntry.location_id == place.location_id)
    parts = [here.limit(JUST_NOW_LINES)]
    if member is not None:
        own = ids.where(LedgerEntry.member_id == member.id).order_by(LedgerEntry.seq.desc())
        parts.append(own.limit(LAST_LINES))
    name = (
        select(Location.name)
        .where(Location.workspace_id == place.workspace_id, Location.id == place.location_id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(LedgerEntry, name.label("shop_name"))
        .where(
            of_workspace,
            LedgerEntry.id.in_(union_all(*(select(each.subquery().c.id) for each in parts))),
        )
        .options(joinedload(LedgerEntry.member).joinedload(Member.customer))
        .limit(JUST_NOW_LINES + LAST_LINES)
    ).all()
    # Before the first entry there is no row to carry the name.
    shop_name = rows[0].shop_name if rows else session.scalar(select(name))
    entries = [row.LedgerEntry for row in rows]
    return shop_name or "", sorted(entries, key=attrgetter("recorded_at", "id"), reverse=True)


def _read_entry(
    session: Session, workspace_id: str, redemption: Redemption | None, entry_id: str | None
) -> tuple[LedgerEntry, int]:
    """Return a redemption's entry, or the one of an id, and the points taken back of it.

    The entry has its member, with customer and program.

    Raises:
        NotFound: no such entry in this workspace.
    """
    reversal = aliased(LedgerEntry)
    reversed_points = (
        select(-func.coalesce(func.sum(reversal.points), 0))
        .where(reversal.workspace_id == workspace_id, reversal.reverses_id == LedgerEntry.id)
        .scalar_subquery()
    )
    statement = (
        select(LedgerEntry, reversed_points)
        .where(LedgerEntry.workspace_id == workspace_id)
        .options(
            joinedload(LedgerEntry.member).options(
                joinedload(Member.customer), joinedload(Member.program)
            )
        )
    )
    if redemption is None:
        statement = statement.where(LedgerEntry.id == entry_id)
    else:
        statement = statement.where(
            LedgerEntry.redemption_id == redemption.id, LedgerEntry.kind == "redemption"
        )
    row = session.execute(statement).one_or_none()
    if row is None:
        raise errors.NotFound("There is no such ledger entry here.")
    entry, points = row
    return entry, int(points)
