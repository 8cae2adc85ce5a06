"""Many awards at once: each with a key and an outcome of its own, all in one transaction.

One transaction has one COMMIT, which is most of what an award costs. An award that is refused
leaves nothing, and the others stand. Everybody locks keys, sources and members in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import errors
from app.ids import new_id
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.rules.actors import Actor, Permission
from app.services import idempotency, ledger
from app.services.idempotency import First, Once, Outcome
from app.services.ledger import Award

AWARDS_MAX = 1_000


@dataclass(frozen=True)
class Wanted:
    """One award of a batch, under its key."""

    member_id: str
    award: Award
    once: Once


Result = Outcome[LedgerEntry] | errors.RegularsError
"""What became of one award: as `ledger.award` gives it, or the refusal that it raises."""


@dataclass(frozen=True)
class _Prepared:
    wanted: Wanted
    entry_id: str
    claims: Sequence[tuple[Once, str]]


def award_all(
    session: Session, *, workspace_id: str, wanted: Sequence[Wanted], by: Actor
) -> list[Result]:
    """Give points to many, at most `AWARDS_MAX` at once.

    Args:
        wanted: no key and no source may be there twice.
        by: an API key or the system: staff have limits, and give to one member at a time.

    Returns:
        What became of each, in their order.

    Raises:
        PermissionDenied: the actor may not award at all.
        InvalidParameter: a key or a source is there twice, or there are too many.
    """
    if by.kind == "staff" or not by.may(Permission.AWARD):
        raise errors.PermissionDenied("Only an API key may award many at once.")
    _check_batch(wanted)
    prepared = [_prepare(each) for each in wanted]
    good = [each for each in prepared if isinstance(each, _Prepared)]
    ours = idempotency.claim_all(
        session,
        workspace_id=workspace_id,
        claims=[(key, asked, each.entry_id) for each in good for key, asked in each.claims],
    )
    asked_for = {(key.scope, key.key) for each in good for key, _ in each.claims}
    firsts = idempotency.read_firsts(session, workspace_id=workspace_id, keys=asked_for - ours)
    entries = _read_entries(session, workspace_id, firsts)
    members = ledger.lock_members(
        session, workspace_id=workspace_id, member_ids={each.wanted.member_id for each in good}
    )
    batch = _Batch(session, workspace_id, by, firsts, entries, members)
    return [batch.do(each) if isinstance(each, _Prepared) else each for each in prepared]


@dataclass(frozen=True)
class _Batch:
    session: Session
    workspace_id: str
    by: Actor
    firsts: dict[tuple[str, str], First]
    entries: dict[str, LedgerEntry]
    members: dict[str, Member]

    def do(self, each: _Prepared) -> Result:
        """Award one, or say why not."""
        try:
            return self._first(each) or Outcome(self._write(each))
        except errors.RegularsError as refusal:
            for key, _ in each.claims:
                if (key.scope, key.key) not in self.firsts:
                    idempotency.release(self.session, workspace_id=self.workspace_id, once=key)
            return refusal

    def _first(self, each: _Prepared) -> Outcome[LedgerEntry] | None:
        for key, asked in each.claims:
            first = self.firsts.get((key.scope, key.key))
            if first is None:
                continue
            if first.fingerprint != asked:
                raise errors.IdempotencyConflict
            entry = self.entries[first.result_id]
            if key.scope != idempotency.SOURCE_SCOPE:
                return Outcome(entry, "key")
            idempotency.point_to(
                self.session,
                workspace_id=self.workspace_id,
                once=each.wanted.once,
                result_id=entry.id,
            )
            return Outcome(entry, "source")
        return None

    def _write(self, each: _Prepared) -> LedgerEntry:
        member = ledger.checked_open(self.members.get(each.wanted.member_id))
        return ledger.write_award(
            self.session, member, each.wanted.award, entry_id=each.entry_id, by=self.by
        )


def _prepare(wanted: Wanted) -> _Prepared | errors.RegularsError:
    try:
        award = ledger.checked_award(wanted.award)
    except errors.RegularsError as refusal:
        return refusal
    claims = ledger.claims_of(award, member_id=wanted.member_id, once=wanted.once)
    return _Prepared(Wanted(wanted.member_id, award, wanted.once), new_id("ptx"), claims)


def _check_batch(wanted: Sequence[Wanted]) -> None:
    if len(wanted) > AWARDS_MAX:
        raise errors.InvalidParameter("awards", f"Send at most {AWARDS_MAX:,} awards at once.")
    seen = set()
    for index, each in enumerate(wanted):
        for name, what in (
            ("idempotencyKey", each.once.key),
            ("source", each.award.source and (each.award.source.type, each.award.source.id)),
        ):
            if what is not None and (name, what) in seen:
                raise errors.InvalidParameter(
                    f"awards.{index}.{name}", "This stands in the batch twice. Send it once."
                )
            seen.add((name, what))


def _read_entries(
    session: Session, workspace_id: str, firsts: dict[tuple[str, str], First]
) -> dict[str, LedgerEntry]:
    """Give the entries that keys and sources had made before, by id."""
    if not firsts:
        return {}
    found = session.scalars(
        select(LedgerEntry).where(
            LedgerEntry.workspace_id == workspace_id,
            LedgerEntry.id.in_(sorted({first.result_id for first in firsts.values()})),
        )
    )
    return {entry.id: entry for entry in found}
