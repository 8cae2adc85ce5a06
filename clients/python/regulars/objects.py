"""What the server answers. A field that this client does not know yet is left aside."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Object(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    id: str
    livemode: bool
    created_at: datetime


class Tier(BaseModel):
    """One tier; its threshold is in points net of reversals, and its members earn `multiplier`."""

    key: str
    name: str
    threshold: int
    multiplier: float


class Program(_Object):
    """How points are called, earned and valued."""

    name: str
    currency_name: str
    time_zone: str
    point_value: float
    earn_rate: int
    earn_rounding: Literal["down", "nearest", "up"]
    tiers: list[Tier]
    metadata: dict[str, str]


class Customer(_Object):
    """A person."""

    name: str | None
    email: str | None
    phone: str | None
    card_number: str | None
    metadata: dict[str, str]


class Account(_Object):
    """One customer in one program."""

    program_id: str
    customer_id: str
    status: Literal["active", "closed"]
    balance: int
    lifetime_points: int
    tier: str | None
    metadata: dict[str, str]
    customer: Customer | None = None


class Source(BaseModel):
    """What an award was for."""

    type: str
    id: str


class Transaction(_Object):
    """One line of an account's ledger."""

    account_id: str
    seq: int
    kind: str
    points: int
    balance_after: int
    lifetime_after: int
    reason: str | None
    metadata: dict[str, str]
    reverses: str | None
    redemption_id: str | None
    source: Source | None
    hash: str


class BatchError(BaseModel):
    """Why one award of a batch was refused."""

    code: str
    message: str
    param: str | None


class BatchOutcome(BaseModel):
    """What became of one award of a batch: `transaction` or `error` is there."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    idempotency_key: str
    status: int
    replayed: bool
    transaction: Transaction | None
    error: BatchError | None


class AwardBatch(BaseModel):
    """What became of each award, in the order in which they were sent."""

    data: list[BatchOutcome]


class Reward(_Object):
    """What points buy."""

    program_id: str
    name: str
    description: str
    type: str
    value: int | None
    points_cost: int
    stock: int | None
    per_member_limit: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    min_tier: str | None
    status: Literal["active", "archived"]
    metadata: dict[str, str]


class Redemption(_Object):
    """One purchase of one reward."""

    account_id: str
    reward_id: str
    status: Literal["confirmed", "fulfilled", "cancelled"]
    points_spent: int
    code: str
    metadata: dict[str, str]
    fulfilled_at: datetime | None
    cancelled_at: datetime | None


class Event(_Object):
    """What happened."""

    type: str
    sequence: int
    data: dict[str, Any]


class WebhookEndpoint(_Object):
    """Where events go; `secret` is there in the answer that creates or rotates it only."""

    url: str
    enabled_events: list[str]
    status: Literal["enabled", "disabled"]
    secret: str | None = None
