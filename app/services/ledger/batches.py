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
from app.rules.actors import Actor, Permission
from app.rules.ledger import Entry, LockedMember
from app.services import idempotency
from app.services.idempotency import First, IdempotencyKey
from app.services.ledger import acts, posting
from app.services.ledger.acts import Award
from app.services.results import Replayed, Result

AWARDS_MAX = 1_000
"""Awards per batch; more would hold their members' rows for longer than a till may wait."""


@dataclass(frozen=True)
class Wanted:
    """One award of a batch, under its key."""

    member_id: str
    award: Award
    key: IdempotencyKey


BatchResult = Result[Entry] | errors.RegularsError
"""What became of one award: as `acts.award` returns it, or the refusal that it raises."""


@dataclass(frozen=True)
class _Prepared:
    wanted: Wanted
    entry_id: str
    keys: Sequence[IdempotencyKey]


def award_all(
    session: Session, *, workspace_id: str, wanted: Sequence[Wanted], by: Actor
) -> list[BatchResult]:
    """Give points to many, at most `AWARDS_MAX` at once.

    The caller keeps what each key stands for (`idempotency.keep`).

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
        claims=[(key, each.entry_id) for each in good for key in each.keys],
    )
    asked_for = {(key.scope, key.key) for each in good for key in each.keys}
    firsts = idempotency.read_firsts(session, workspace_id=workspace_id, names=asked_for - ours)
    entries = _read_entries(session, workspace_id, firsts)
    members = posting.lock_members(
        session, workspace_id=workspace_id, member_ids={each.wanted.member_id for each in good}
    )
    batch = _Batch(session, workspace_id, by, firsts, entries, members)
    return [batch.do(each) if isinstance(each, _Prepared) else each for each in prepared]


@dataclass(frozen=True)
class _Batch:
    """The awards of one transaction; `members` are as the awards so far have left them."""

    session: Session
    workspace_id: str
    by: Actor
    firsts: dict[tuple[str, str], First]
    entries: dict[str, Entry]
    members: dict[str, LockedMember]

    def do(self, each: _Prepared) -> BatchResult:
        """Award one, or return the refusal."""
        try:
            return self._find_first(each) or Result(self._write(each))
        except errors.RegularsError as refusal:
            for key in each.keys:
                if (key.scope, key.key) not in self.firsts:
                    idempotency.release(self.session, workspace_id=self.workspace_id, key=key)
            return refusal

    def _find_first(self, each: _Prepared) -> Result[Entry] | None:
        for key in each.keys:
            first = self.firsts.get((key.scope, key.key))
            if first is None:
                continue
            if first.fingerprint != key.fingerprint:
                raise errors.IdempotencyConflict
            entry, wanted = self.entries[first.result_id], each.wanted
            if key is wanted.key:
                return Result(entry, Replayed.KEY)
            same = acts.checked_same(entry, wanted.award, member_id=wanted.member_id)
            return Result(same, Replayed.SOURCE)
        return None

    def _write(self, each: _Prepared) -> Entry:
        wanted = each.wanted
        member = posting.checked(self.members.get(wanted.member_id), open_only=True)
        entry, self.members[member.id] = acts.write_award(
            self.session, member, wanted.award, entry_id=each.entry_id, by=self.by
        )
        return entry


def _prepare(wanted: Wanted) -> _Prepared | errors.RegularsError:
    try:
        award = acts.checked_award(wanted.award)
    except errors.RegularsError as refusal:
        return refusal
    keys = [wanted.key]
    if award.source:
        keys.append(acts.source_key(award.source))
    return _Prepared(Wanted(wanted.member_id, award, wanted.key), new_id("ptx"), keys)


def _check_batch(wanted: Sequence[Wanted]) -> None:
    if len(wanted) > AWARDS_MAX:
        raise errors.InvalidParameter("awards", f"Send at most {AWARDS_MAX:,} awards at once.")
    seen = set()
    for index, each in enumerate(wanted):
        for name, what in (
            ("idempotencyKey", each.key.key),
            ("source", each.award.source and (each.award.source.type, each.award.source.id)),
        ):
            if what is not None and (name, what) in seen:
                raise errors.InvalidParameter(
                    f"awards.{index}.{name}", "This stands in the batch twice. Send it once."
                )
            seen.add((name, what))


def _read_entries(
    session: Session, workspace_id: str, firsts: dict[tuple[str, str], First]
) -> dict[str, Entry]:
    """Return the entries that keys and sources had made before, by id."""
    if not firsts:
        return {}
    found = session.execute(
        select(*posting.columns_of(Entry, LedgerEntry)).where(
            LedgerEntry.workspace_id == workspace_id,
            LedgerEntry.id.in_(sorted({first.result_id for first in firsts.values()})),
        )
    )
    return {row.id: Entry(*row) for row in found}
