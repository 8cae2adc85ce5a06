"""The real shop under the names of `tests.support.model`, so that the two can be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.rules.ledger import Entry, Source
from app.rules.redeeming import RedemptionRow
from app.services import redemptions, rewards
from app.services.ledger import acts
from app.services.members import enrolment
from app.services.results import Result
from tests import factories
from tests.cast import Cast
from tests.support.model import Answer
from tests.support.once import find_entry, run_once

_NAMES = {"cost": "points_cost", "limit": "per_member_limit", "starts": "starts_at"} | {
    "ends": "ends_at",
    "tier": "min_tier",
}


def _find_member(session: Session, workspace_id: str, member_id: str) -> Member:
    return enrolment.get_member(session, workspace_id=workspace_id, member_id=member_id)


def _find_redemption(session: Session, workspace_id: str, redemption_id: str) -> RedemptionRow:
    return redemptions.read_redemption(
        session, workspace_id=workspace_id, redemption_id=redemption_id
    )


_AGAIN: Mapping[Any, Callable[..., Any]] = {
    enrolment.enrol: _find_member,
    redemptions.redeem: _find_redemption,
    acts.award: find_entry,
    acts.reverse: find_entry,
    acts.adjust: find_entry,
}
"""How what an act had made under a key is found again."""


class World:
    """One database's shop, in a program of its own; `name` keeps its keys and sources apart."""

    def __init__(self, cast: Cast, name: str) -> None:
        program = factories.make_program(cast, name=name)
        self.cast = replace(cast, program_id=program.id)
        self._name = name
        self._members: list[str] = []
        self._rewards: list[Reward] = []
        self._redemptions: list[str] = []

    def enrol(self, customer: str, key: str | None = None) -> Answer:
        """Enrol a customer."""
        outcome: Result[Member] = self._act(
            enrolment.enrol,
            program_id=self.cast.program_id,
            customer_id=self._name + customer,
            key=key,
        )
        return "member", _number(self._members, outcome.value.id), outcome.replayed

    def award(
        self, member: int, points: int, key: str | None = None, source: str | None = None
    ) -> Answer:
        """Award points."""
        return self._entry(
            acts.award,
            member_id=self._members[member],
            points=points,
            reason="Purchase",
            key=key,
            source=Source("payment", self._name + source) if source else None,
        )

    def reverse(
        self, member: int, seq: int, points: int | None = None, key: str | None = None
    ) -> Answer:
        """Take an entry back."""
        with self.cast.database.reading() as session:
            entry_id = session.scalars(
                select(LedgerEntry.id).where(
                    LedgerEntry.workspace_id == self.cast.workspace_id,
                    LedgerEntry.member_id == self._members[member],
                    LedgerEntry.seq == seq,
                )
            ).one()
        return self._entry(
            acts.reverse,
            entry_id=entry_id,
            points=points,
            reason="Refund",
            key=key,
        )

    def adjust(
        self, member: int, points: int, *, allow_negative: bool, key: str | None = None
    ) -> Answer:
        """Correct a balance."""
        return self._entry(
            acts.adjust,
            member_id=self._members[member],
            points=points,
            reason="Correction",
            allow_negative=allow_negative,
            key=key,
        )

    def redeem(
        self, member: int, reward: int, seen_cost: int | None = None, key: str | None = None
    ) -> Answer:
        """Buy a reward as the cashier."""
        outcome: Result[RedemptionRow] = self._act(
            redemptions.redeem,
            member_id=self._members[member],
            reward_id=self._rewards[reward].id,
            expected_points=seen_cost,
            by=self.cast.cashier,
            key=key,
        )
        number = _number(self._redemptions, outcome.value.id)
        return "redemption", number, outcome.value.points_spent, outcome.replayed

    def fulfil(self, purchase: int) -> Answer:
        """Hand a reward over."""
        outcome = self._act(redemptions.fulfil, redemption_id=self._redemptions[purchase])
        return outcome.value.status, outcome.replayed

    def cancel(self, purchase: int, *, as_cashier: bool) -> Answer:
        """Cancel a redemption."""
        outcome = self._act(
            redemptions.cancel,
            redemption_id=self._redemptions[purchase],
            by=self.cast.cashier if as_cashier else self.cast.manager,
        )
        return outcome.value.status, outcome.replayed

    def set_closed(self, member: int, *, is_closed: bool) -> Answer:
        """Close or reopen a member."""
        act = enrolment.close if is_closed else enrolment.reopen
        self._act(act, member_id=self._members[member])
        return ("done",)

    def offer(self, **terms: Any) -> Answer:
        """Define a reward."""
        real = {_NAMES.get(name, name): value for name, value in terms.items()}
        self._rewards.append(factories.make_reward(self.cast, **real))
        return ("done",)

    def edit_offer(self, reward: int, **terms: Any) -> Answer:
        """Change some of a reward's terms."""
        real = {_NAMES.get(name, name): value for name, value in terms.items()}
        self._act(rewards.edit, reward_id=self._rewards[reward].id, changes=real)
        return ("done",)

    def set_archived(self, reward: int, *, is_archived: bool) -> Answer:
        """Stop or resume offering a reward."""
        act = rewards.archive if is_archived else rewards.restore
        self._act(act, reward_id=self._rewards[reward].id)
        return ("done",)

    def lines(self) -> list[list[tuple[object, ...]]]:
        """Give each member's entries: seq, kind, points, balance and lifetime after."""
        found: dict[str, list[tuple[object, ...]]] = {each: [] for each in self._members}
        columns = (LedgerEntry.seq, LedgerEntry.kind, LedgerEntry.points)
        after = (LedgerEntry.balance_after, LedgerEntry.lifetime_after)
        statement = (
            select(LedgerEntry.member_id, *columns, *after)
            .where(LedgerEntry.workspace_id == self.cast.workspace_id)
            .where(LedgerEntry.member_id.in_(self._members))
            .order_by(LedgerEntry.seq)
        )
        with self.cast.database.reading() as session:
            for member_id, *line in session.execute(statement):
                found[member_id].append(tuple(line))
        return list(found.values())

    def state(self) -> list[tuple[object, ...]]:
        """Give members' totals, rewards' stock and redemptions' states, by number."""
        with self.cast.database.reading() as session:
            workspace_id = self.cast.workspace_id
            accounts = [session.get_one(Member, (workspace_id, each)) for each in self._members]
            offers = [session.get_one(Reward, (workspace_id, each.id)) for each in self._rewards]
            bought = [
                session.get_one(Redemption, (workspace_id, each)) for each in self._redemptions
            ]
        return [
            *(
                (m.status, m.balance, m.lifetime_points, m.qualifying_points, m.tier)
                for m in accounts
            ),
            *((each.points_cost, each.stock, each.status) for each in offers),
            *((each.status, each.points_spent) for each in bought),
        ]

    def _entry(self, act: Any, **given: Any) -> Answer:
        outcome: Result[Entry] = self._act(act, **given)
        member = self._members.index(outcome.value.member_id)
        return "entry", member, outcome.value.seq, outcome.replayed

    def _act(self, act: Any, *, key: str | None = None, **given: Any) -> Any:
        given = {"by": self.cast.manager, **given}
        if key:
            return run_once(self.cast, self._name + key, act, _AGAIN[act], **given)
        with self.cast.database.writing() as session:
            made = act(session, workspace_id=self.cast.workspace_id, **given)
        return made if isinstance(made, Result) else Result(made)


def _number(known: list[str], found: str) -> int:
    if found not in known:
        known.append(found)
    return known.index(found)
