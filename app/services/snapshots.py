"""The JSON shape of each object (spec section 5), as events carry it and the API answers it.

Each function gives one JSON object. No query is made here: what is passed in is what is shown.
"""

from __future__ import annotations

from datetime import datetime

from app.models.columns import JsonObject
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.outbox import Event
from app.models.programs import Program
from app.models.redemptions import Redemption
from app.models.rewards import Reward
from app.models.webhooks import WebhookEndpoint
from app.rules.ledger import Entry, LockedMember
from app.rules.redeeming import RedemptionRow
from app.rules.tiers import Tier, multiplier_of


def json_time(moment: datetime | None) -> str | None:
    """Write a time as ISO 8601 with milliseconds and `Z`."""
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def customer(person: Customer) -> JsonObject:
    """Shape a customer; what is not known of a person is null."""
    return {
        "object": "customer",
        "id": person.id,
        "name": person.name or None,
        "email": person.email or None,
        "phone": person.phone or None,
        "cardNumber": person.card_number or None,
        "metadata": person.metadata_,
        "createdAt": json_time(person.created_at),
    }


def program(thing: Program) -> JsonObject:
    """Shape a program; `pointValue` is in minor units and may have three decimals."""
    whole, thousandths = divmod(thing.point_value_thousandths, 1000)
    return {
        "object": "program",
        "id": thing.id,
        "name": thing.name,
        "currencyName": thing.currency_name,
        "timeZone": thing.time_zone,
        "pointValue": whole if not thousandths else thing.point_value_thousandths / 1000,
        "earnRate": thing.earn_points_per_unit,
        "earnRounding": thing.earn_rounding,
        "tiers": [_tier(each) for each in thing.tiers],
        "metadata": thing.metadata_,
        "createdAt": json_time(thing.created_at),
    }


def _tier(each: Tier) -> JsonObject:
    whole, hundredths = divmod(multiplier_of(each), 100)
    return {
        "key": each["key"],
        "name": each["name"],
        "threshold": each["threshold"],
        "multiplier": whole if not hundredths else multiplier_of(each) / 100,
    }


def event(happening: Event) -> JsonObject:
    """Shape an event; webhooks send the same."""
    return {
        "object": "event",
        "id": happening.id,
        "type": happening.type,
        "sequence": happening.sequence,
        "data": happening.data,
        "createdAt": json_time(happening.created_at),
    }


def event_body(happening: Event, *, is_live: bool) -> JsonObject:
    """Shape what a webhook sends (spec section 6)."""
    data = happening.data
    return {
        "id": happening.id,
        "type": happening.type,
        "createdAt": json_time(happening.created_at),
        "livemode": is_live,
        "sequence": happening.sequence,
        "data": {**data, "livemode": is_live} if "object" in data else data,
    }


def webhook_endpoint(endpoint: WebhookEndpoint) -> JsonObject:
    """Shape a webhook endpoint, without its secret."""
    return {
        "object": "webhook_endpoint",
        "id": endpoint.id,
        "url": endpoint.url,
        "enabledEvents": endpoint.enabled_events,
        "status": endpoint.status,
        "createdAt": json_time(endpoint.created_at),
    }


def account(member: Member | LockedMember) -> JsonObject:
    """Shape a loyalty account."""
    return {
        "object": "loyalty_account",
        "id": member.id,
        "programId": member.program_id,
        "customerId": member.customer_id,
        "status": member.status,
        "balance": member.balance,
        "lifetimePoints": member.lifetime_points,
        "tier": member.tier,
        "metadata": member.metadata_,
        "createdAt": json_time(member.created_at),
    }


def transaction(entry: LedgerEntry | Entry) -> JsonObject:
    """Shape a points transaction."""
    source = None
    if entry.source_type is not None:
        source = {"type": entry.source_type, "id": entry.source_id}
    return {
        "object": "points_transaction",
        "id": entry.id,
        "accountId": entry.member_id,
        "seq": entry.seq,
        "kind": entry.kind,
        "points": entry.points,
        "balanceAfter": entry.balance_after,
        "lifetimeAfter": entry.lifetime_after,
        "reason": entry.reason,
        "metadata": entry.metadata_ or {},
        "reverses": entry.reverses_id,
        "redemptionId": entry.redemption_id,
        "source": source,
        "hash": entry.hash,
        "createdAt": json_time(entry.recorded_at),
    }


def reward(thing: Reward) -> JsonObject:
    """Shape a reward."""
    return {
        "object": "reward",
        "id": thing.id,
        "programId": thing.program_id,
        "name": thing.name,
        "description": thing.description,
        "type": thing.type,
        "value": thing.value,
        "pointsCost": thing.points_cost,
        "stock": thing.stock,
        "perMemberLimit": thing.per_member_limit,
        "startsAt": json_time(thing.starts_at),
        "endsAt": json_time(thing.ends_at),
        "minTier": thing.min_tier,
        "status": thing.status,
        "metadata": thing.metadata_,
        "createdAt": json_time(thing.created_at),
    }


def redemption(thing: Redemption | RedemptionRow) -> JsonObject:
    """Shape a redemption."""
    return {
        "object": "redemption",
        "id": thing.id,
        "accountId": thing.member_id,
        "rewardId": thing.reward_id,
        "status": thing.status,
        "pointsSpent": thing.points_spent,
        "code": thing.code_shown,
        "metadata": thing.metadata_,
        "fulfilledAt": json_time(thing.fulfilled_at),
        "cancelledAt": json_time(thing.cancelled_at),
        "createdAt": json_time(thing.created_at),
    }
