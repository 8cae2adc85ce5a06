"""A shop in plain Python: what the ledger must do, written from spec sections 2 to 4.

It shares no code with the application, so that a mistake has to be made twice to go unseen.
Members, rewards and redemptions are numbers here, in the order of making; an entry is a member and
its seq.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Answer = tuple[object, ...]
"""What an act answers: what it made, by number, and whether that was there already."""

THRESHOLDS = (("gold", 2000), ("silver", 500), ("bronze", 0))


class Refusal(Exception):
    """The act is refused; the code is its only argument."""


@dataclass
class Line:
    """One entry; `left` is what can still be taken back of it."""

    kind: str
    points: int
    balance: int
    lifetime: int
    left: int = 0


@dataclass
class Account:
    """One member."""

    is_closed: bool = False
    balance: int = 0
    lifetime: int = 0
    qualifying: int = 0
    lines: list[Line] = field(default_factory=list)

    @property
    def tier(self) -> str:
        """The highest tier that is reached; everyone is in the lowest."""
        return next((name for name, least in THRESHOLDS if self.qualifying >= least), "bronze")


@dataclass
class Offer:
    """One reward; None is no limit of that sort."""

    cost: int
    stock: int | None = None
    limit: int | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    tier: str | None = None
    is_archived: bool = False


@dataclass
class Purchase:
    """One redemption."""

    member: int
    reward: int
    spent: int
    at: datetime
    status: str = "confirmed"


class Model:
    """The shop. Each act gives an answer or raises `Refusal`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.accounts: list[Account] = []
        self.offers: list[Offer] = []
        self.purchases: list[Purchase] = []
        self._customers: dict[str, int] = {}
        self._sources: dict[str, tuple[Answer, tuple[int, int]]] = {}
        self._keys: dict[str, tuple[object, Answer]] = {}

    def enrol(self, customer: str, key: str | None = None) -> Answer:
        """Enrol a customer."""

        def act() -> Answer:
            if customer in self._customers:
                return "member", self._customers[customer], "existing"
            self._customers[customer] = len(self.accounts)
            self.accounts.append(Account())
            return "member", self._customers[customer], ""

        return self._once(key, ("enrol", customer), act)

    def award(
        self, member: int, points: int, key: str | None = None, source: str | None = None
    ) -> Answer:
        """Award points, for a source or for none."""

        def act() -> Answer:
            if not 1 <= points <= 10_000_000:
                raise Refusal("parameter_invalid")
            if source is not None and source in self._sources:
                made, first = self._sources[source]
                if first != (member, points):
                    raise Refusal("source_conflict")
                return *made, "source"
            account = self._open_account(member)
            made = self._write(member, "award", points, left=points)
            account.lines[-1].lifetime = account.lifetime = account.lifetime + points
            account.qualifying += points
            if source is not None:
                self._sources[source] = (made, (member, points))
            return *made, ""

        return self._once(key, ("award", member, points, source), act)

    def reverse(
        self, member: int, seq: int, points: int | None = None, key: str | None = None
    ) -> Answer:
        """Take an entry back, whole or in part."""

        def act() -> Answer:
            if points is not None and not 1 <= points <= 10_000_000:
                raise Refusal("parameter_invalid")
            account = self.accounts[member]
            line = account.lines[seq - 1]
            if line.kind not in {"award", "adjustment"} or line.points < 0:
                raise Refusal("not_reversible")
            if line.left == 0:
                raise Refusal("already_reversed")
            taken = line.left if points is None else points
            if taken > line.left:
                raise Refusal("exceeds_reversible")
            line.left -= taken
            if line.kind == "award":
                account.qualifying -= taken
            return *self._write(member, "reversal", -taken), ""

        return self._once(key, ("reverse", member, seq, points), act)

    def adjust(
        self, member: int, points: int, *, allow_negative: bool, key: str | None = None
    ) -> Answer:
        """Correct a balance."""

        def act() -> Answer:
            if points == 0:
                raise Refusal("parameter_invalid")
            account = self._open_account(member)
            if points < 0 and account.balance + points < 0 and not allow_negative:
                raise Refusal("insufficient_points")
            return *self._write(member, "adjustment", points, left=max(points, 0)), ""

        return self._once(key, ("adjust", member, points, allow_negative), act)

    def redeem(
        self, member: int, reward: int, seen_cost: int | None = None, key: str | None = None
    ) -> Answer:
        """Buy a reward; `seen_cost` is what the person believes that it costs."""

        def act() -> Answer:
            account, offer = self._open_account(member), self.offers[reward]
            self._check_offer(account, offer)
            self._check_reach(member, reward)
            if seen_cost not in {None, offer.cost}:
                raise Refusal("reward_not_available")
            if offer.stock is not None:
                offer.stock -= 1
            self._write(member, "redemption", -offer.cost)
            self.purchases.append(Purchase(member, reward, offer.cost, self.now))
            return "redemption", len(self.purchases) - 1, offer.cost, ""

        return self._once(key, ("redeem", member, reward, seen_cost), act)

    def fulfil(self, purchase: int) -> Answer:
        """Hand a reward over."""
        found = self.purchases[purchase]
        if found.status == "cancelled":
            raise Refusal("reward_not_available")
        replayed = "existing" if found.status == "fulfilled" else ""
        found.status = "fulfilled"
        return "fulfilled", replayed

    def cancel(self, purchase: int, *, as_cashier: bool) -> Answer:
        """Cancel a redemption; a cashier only what was not handed over, and soon."""
        found = self.purchases[purchase]
        if found.status == "cancelled":
            return "cancelled", "existing"
        if as_cashier and found.status == "fulfilled":
            raise Refusal("already_fulfilled")
        if as_cashier and self.now > found.at + timedelta(minutes=10):
            raise Refusal("permission_denied")
        found.status = "cancelled"
        offer = self.offers[found.reward]
        if offer.stock is not None:
            offer.stock += 1
        self._write(found.member, "cancellation", found.spent)
        return "cancelled", ""

    def set_closed(self, member: int, *, is_closed: bool) -> Answer:
        """Close or reopen a member."""
        self.accounts[member].is_closed = is_closed
        return ("done",)

    def offer(self, **terms: Any) -> Answer:
        """Define a reward."""
        self.offers.append(Offer(**terms))
        return ("done",)

    def edit_offer(self, reward: int, **terms: Any) -> Answer:
        """Change some of a reward's terms."""
        for name, value in terms.items():
            setattr(self.offers[reward], name, value)
        return ("done",)

    def set_archived(self, reward: int, *, is_archived: bool) -> Answer:
        """Stop or resume offering a reward."""
        self.offers[reward].is_archived = is_archived
        return ("done",)

    def _once(self, key: str | None, asked: object, act: Callable[[], Answer]) -> Answer:
        if key is None:
            return act()
        if key in self._keys:
            first_asked, answer = self._keys[key]
            if first_asked != asked:
                raise Refusal("idempotency_conflict")
            return *answer[:-1], "key"
        answer = act()
        self._keys[key] = (asked, answer)
        return answer

    def _open_account(self, member: int) -> Account:
        if self.accounts[member].is_closed:
            raise Refusal("member_closed")
        return self.accounts[member]

    def _check_offer(self, account: Account, offer: Offer) -> None:
        if offer.is_archived:
            raise Refusal("reward_inactive")
        too_early = offer.starts is not None and self.now < offer.starts
        too_late = offer.ends is not None and self.now >= offer.ends
        ladder = [name for name, _ in THRESHOLDS]
        too_low = offer.tier is not None and ladder.index(account.tier) > ladder.index(offer.tier)
        if too_early or too_late or too_low:
            raise Refusal("reward_not_available")
        if offer.stock == 0:
            raise Refusal("reward_out_of_stock")

    def _check_reach(self, member: int, reward: int) -> None:
        account, offer = self.accounts[member], self.offers[reward]
        held = [p for p in self.purchases if (p.member, p.reward) == (member, reward)]
        if offer.limit is not None and offer.limit <= sum(p.status != "cancelled" for p in held):
            raise Refusal("reward_limit_reached")
        if account.balance < 0:
            raise Refusal("account_negative")
        if account.balance < offer.cost:
            raise Refusal("insufficient_points")

    def _write(self, member: int, kind: str, points: int, *, left: int = 0) -> Answer:
        account = self.accounts[member]
        account.balance += points
        account.lines.append(Line(kind, points, account.balance, account.lifetime, left))
        return "entry", member, len(account.lines)
