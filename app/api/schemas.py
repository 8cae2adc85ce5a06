"""What the API takes and answers (spec section 5): parsing, answering and the document are these.

Names are camelCase outside and snake_case inside. Nothing is converted on the way in: `"5"`, `5.0`
and `true` are no integers.
"""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from app.api.error_codes import ERROR_CODES
from app.rules import inputs
from app.services.api_keys.keys import OVERLAP_HOURS
from app.services.outbox import EVENT_TYPES, TEST_TYPE
from app.services.programs import (
    EARN_POINTS_MAX,
    MULTIPLIER_MAX_HUNDREDTHS,
    POINT_VALUE_MAX_THOUSANDTHS,
    THRESHOLD_MAX,
    TIER_KEY_CHARACTERS,
    TIERS_MAX,
)
from app.services.rewards import PERCENT_MAX, VALUE_MAX

LIMIT_MAX = 100
LIMIT_DEFAULT = 25

# No control characters but tab and line feed; PostgreSQL keeps no NUL.
TEXT = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
SAID = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f\x85][^\x00-\x1f\x7f]*$"
NO_CONTROLS = r"^[^\x00-\x1f\x7f]+$"
OUR_ID = r"^[0-9A-Za-z_.\-]+$"
ASCII = r"^[\x20-\x7e]+$"
TIER_KEY = r"^[a-z0-9_]+$"
LINE = r"^[^\x00-\x1f\x7f]*$"

Key = Annotated[str, Field(min_length=1, max_length=255, pattern=ASCII)]
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=OUR_ID)]
CallersId = Annotated[str, Field(min_length=1, max_length=255, pattern=NO_CONTROLS)]
Text = Annotated[str, Field(max_length=500, pattern=TEXT)]
Said = Annotated[str, Field(min_length=1, max_length=500, pattern=SAID)]
Points = Annotated[int, Field(ge=1, le=inputs.AWARD_POINTS_MAX)]
Metadata = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=40, pattern=NO_CONTROLS)],
        Annotated[str, Field(max_length=500, pattern=TEXT)],
    ],
    Field(max_length=inputs.METADATA_KEYS_MAX),
    # Said once more, since pydantic writes the pattern of a key as a choice of values.
    WithJsonSchema(
        {
            "type": "object",
            "description": "Strings of your own, kept as sent. A change replaces them all.",
            "maxProperties": inputs.METADATA_KEYS_MAX,
            "propertyNames": {"minLength": 1, "maxLength": 40, "pattern": NO_CONTROLS},
            "additionalProperties": {"type": "string", "maxLength": 500, "pattern": TEXT},
        }
    ),
]
_POINT_VALUE_MAX = POINT_VALUE_MAX_THOUSANDTHS / 1000
TierKey = Annotated[str, Field(min_length=1, max_length=TIER_KEY_CHARACTERS, pattern=TIER_KEY)]
PointValue = Annotated[
    int | float,
    Field(ge=0, le=_POINT_VALUE_MAX),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": _POINT_VALUE_MAX}),
]
_MULTIPLIER_MAX = MULTIPLIER_MAX_HUNDREDTHS // 100
Multiplier = Annotated[
    int | float,
    Field(ge=0, le=_MULTIPLIER_MAX),
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": _MULTIPLIER_MAX}),
]
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


# RFC 3339, section 5.6; Python reads more of ISO 8601 than that.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _parsed_instant(value: object) -> object:
    try:
        moment = datetime.fromisoformat(str(value).upper().replace("Z", "+00:00"))
        in_utc = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None or not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError("Give a time with its zone, such as 2026-04-01T09:00:00Z.")
    return in_utc


GivenInstant = Annotated[
    datetime,
    BeforeValidator(_parsed_instant, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]

_WHOLE = re.compile(r"[0-9]{1,9}")


def _parsed_whole(value: object) -> object:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise ValueError("Give a whole number.")


_JSON_SCHEMAS: dict[Any, dict[str, Any]] = {}


class Schema(BaseModel):
    """What all have in common."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="forbid", strict=True, serialize_by_alias=True
    )

    @classmethod
    def model_json_schema(cls, *arguments: Any, **named: Any) -> dict[str, Any]:
        """Give the JSON schema, worked out once; asked for plainly, it is only to be read.

        So the OpenAPI library asks at every request. For its document it names how, and changes
        what it was given.
        """
        asked = (cls, arguments, tuple(sorted(named.items())))
        known = _JSON_SCHEMAS.get(asked)
        if known is None:
            known = _JSON_SCHEMAS[asked] = super().model_json_schema(*arguments, **named)
        return copy.deepcopy(known) if arguments or named else known


def _without_defaults(schema: dict[str, Any]) -> None:
    """Leave the defaults out of a schema of changes: what is left out stays as it is."""
    for each in schema.get("properties", {}).values():
        each.pop("default", None)


_CHANGES = ConfigDict(json_schema_extra=_without_defaults)


# --- What is sent ---------------------------------------------------------------------------------


class OnceHeader(Schema):
    """The header that lets a POST act once (spec section 4)."""

    model_config = ConfigDict(extra="ignore")

    idempotency_key: Key | None = Field(
        None,
        alias="Idempotency-Key",
        description="The same key and body give the first answer again and act once.",
    )


class IdPath(Schema):
    """An id of ours in the address."""

    id: str = Field(description="The object's id.")


class CustomerPath(Schema):
    """A customer's id in the address: ours or the caller's own."""

    id: str = Field(description="The customer's id.")


class ListQuery(Schema):
    """Which part of a list (spec section 5)."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX), BeforeValidator(_parsed_whole)] = LIMIT_DEFAULT
    starting_after: CallersId | None = Field(None, description="The part that follows this id.")
    ending_before: CallersId | None = Field(None, description="The part that comes before this id.")


class TierIn(Schema):
    """A tier; its threshold is in points net of reversals."""

    key: TierKey
    name: Annotated[str, Field(min_length=1, max_length=40, pattern=SAID)]
    threshold: Annotated[int, Field(ge=0, le=THRESHOLD_MAX)]
    multiplier: Multiplier = Field(
        1, description="How much its members earn by the earn rate; two decimals at most."
    )

    @field_validator("multiplier")
    @classmethod
    def _has_two_decimals(cls, value: float) -> float:
        if Decimal(str(value)) * 100 % 1:
            raise ValueError("Give two decimals at most, such as 1.5.")
        return value


class ProgramIn(Schema):
    """A new program."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=SAID)]
    currency_name: Annotated[str, Field(min_length=1, max_length=40, pattern=SAID)] = "points"
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        None,
        description="An IANA name, kept for you; a new program has the shop's, by which days end.",
        examples=["Europe/Dublin"],
    )
    point_value: PointValue = Field(
        0, description="What a point is worth in minor units; three decimals at most."
    )
    earn_rate: Annotated[int, Field(ge=0, le=EARN_POINTS_MAX)] = Field(
        0, description="Points for one unit of the currency spent."
    )
    earn_rounding: Literal["down", "nearest", "up"] = Field(
        "down", description="What becomes of part points."
    )
    tiers: Annotated[list[TierIn], Field(max_length=TIERS_MAX)] = Field(
        default_factory=list, description="By rising threshold, the first from 0."
    )
    metadata: Metadata = Field(default_factory=dict)

    @field_validator("point_value")
    @classmethod
    def _has_three_decimals(cls, value: float) -> float:
        if Decimal(str(value)) * 1000 % 1:
            raise ValueError("Give minor units with three decimals at most, such as 0.8.")
        return value


class ProgramChanges(ProgramIn):
    """What changes of a program; what is left out stays."""

    model_config = _CHANGES

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=SAID)] = ""


class CustomerChanges(Schema):
    """What changes of a customer; null takes a part away."""

    model_config = _CHANGES

    name: Annotated[str, Field(max_length=200, pattern=LINE)] | None = None
    email: Annotated[str, Field(min_length=3, max_length=254)] | None = Field(
        None, examples=["ngozi@example.com"], json_schema_extra={"format": "email"}
    )
    phone: Annotated[str, Field(max_length=40, pattern=LINE)] | None = Field(
        None, examples=["+353 87 123 4471"]
    )
    card_number: Annotated[str, Field(max_length=64, pattern=LINE)] | None = None
    metadata: Metadata = Field(default_factory=dict)


class CustomerIn(CustomerChanges):
    """A new customer."""

    model_config = ConfigDict(json_schema_extra=None)

    id: CallersId | None = Field(None, description="Your own id; one of ours if left out.")


class AccountIn(Schema):
    """A customer to enrol. An unknown `customerId` makes a bare customer."""

    program_id: Id
    customer_id: CallersId
    metadata: Metadata = Field(default_factory=dict)


class AccountsQuery(ListQuery):
    """Which accounts."""

    program_id: Id | None = None
    customer_id: CallersId | None = None
    expand: Literal["customer"] | None = None


class AccountQuery(Schema):
    """How one account is shown."""

    expand: Literal["customer"] | None = Field(None, description="`customer` inlines the person.")


class SourceIn(Schema):
    """What an award is for; a source is awarded once for ever (spec section 4)."""

    type: Annotated[str, Field(min_length=1, max_length=40, pattern=NO_CONTROLS)]
    id: CallersId


class AwardIn(Schema):
    """Points to give."""

    account_id: Id
    points: Points
    reason: Said = Field(description="Shown to the customer.")
    metadata: Metadata = Field(default_factory=dict)
    source: SourceIn | None = None


class BatchAwardIn(AwardIn):
    """One award of a batch, under a key of its own."""

    idempotency_key: Key = Field(
        description="As the header of a single award; the same key acts once in either."
    )


class AwardBatchIn(Schema):
    """Awards that are made at once; each stands or falls for itself."""

    awards: Annotated[list[BatchAwardIn], Field(min_length=1, max_length=1000)]


class ReverseIn(Schema):
    """An award to take back, whole or in part."""

    transaction_id: Id
    reason: Said
    points: Points | None = Field(None, description="A part; all that is left if left out.")
    metadata: Metadata = Field(default_factory=dict)


class PointsQuery(ListQuery):
    """Whose transactions."""

    account_id: Id | None = None


class _RewardTerms(Schema):
    name: Annotated[str, Field(min_length=1, max_length=80, pattern=SAID)]
    description: Text = ""
    points_cost: Annotated[int, Field(ge=0, le=inputs.POINTS_COST_MAX)]
    stock: Annotated[int, Field(ge=0, le=inputs.STOCK_MAX)] | None = Field(
        None, description="How many are left; null for no limit."
    )
    per_member_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    starts_at: GivenInstant | None = None
    ends_at: GivenInstant | None = None
    min_tier: TierKey | None = Field(
        None, description="The key of the lowest tier that may have it."
    )
    metadata: Metadata = Field(default_factory=dict)


class _NewReward(_RewardTerms):
    program_id: Id


class ItemRewardIn(_NewReward):
    """A thing, or what a partner gives: it has no value of its own."""

    type: Literal["free_product", "partner"]
    value: None = None


class PercentRewardIn(_NewReward):
    """A share off the bill."""

    type: Literal["discount_percent"]
    value: Annotated[int, Field(ge=1, le=PERCENT_MAX, description="Whole percent.")]


class AmountRewardIn(_NewReward):
    """An amount off the bill, or credit."""

    type: Literal["discount_amount", "store_credit"]
    value: Annotated[int, Field(ge=1, le=VALUE_MAX, description="Minor units.")]


class RewardIn(
    RootModel[
        Annotated[ItemRewardIn | PercentRewardIn | AmountRewardIn, Field(discriminator="type")]
    ]
):
    """A new reward."""


class RewardChanges(_RewardTerms):
    """What changes of a reward; what is left out stays."""

    model_config = _CHANGES

    name: Annotated[str, Field(min_length=1, max_length=80, pattern=SAID)] = ""
    points_cost: Annotated[int, Field(ge=0, le=inputs.POINTS_COST_MAX)] = 0
    type: Literal[
        "free_product", "discount_amount", "discount_percent", "store_credit", "partner"
    ] = "free_product"
    value: Annotated[int, Field(ge=1, le=VALUE_MAX)] | None = None


class RewardsQuery(ListQuery):
    """Which rewards."""

    program_id: Id | None = None
    status: Literal["active", "archived"] | None = None


class RedemptionIn(Schema):
    """A reward to redeem."""

    account_id: Id
    reward_id: Id
    metadata: Metadata = Field(default_factory=dict)


class RedemptionsQuery(ListQuery):
    """Which redemptions."""

    account_id: Id | None = None
    reward_id: Id | None = None
    status: Literal["confirmed", "fulfilled", "cancelled"] | None = None


class CustomersQuery(ListQuery):
    """Which customers."""

    email: Annotated[str, Field(min_length=1, max_length=254, pattern=NO_CONTROLS)] | None = None


EventType = Literal[EVENT_TYPES]  # type: ignore[valid-type]  # the same list that is written


class EventsQuery(ListQuery):
    """Which events."""

    type: Literal[(*EVENT_TYPES, TEST_TYPE)] | None = None  # type: ignore[valid-type]


EnabledEvents = Annotated[
    list[Literal["*"] | EventType],
    Field(min_length=1, max_length=len(EVENT_TYPES)),
    WithJsonSchema(
        {
            "description": '`["*"]` for all, or some types.',
            "anyOf": [
                {"type": "array", "items": {"const": "*"}, "minItems": 1, "maxItems": 1},
                {
                    "type": "array",
                    "items": {"enum": list(EVENT_TYPES)},
                    "minItems": 1,
                    "maxItems": len(EVENT_TYPES),
                },
            ],
        }
    ),
]


class WebhookEndpointIn(Schema):
    """A new webhook endpoint."""

    url: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        examples=["https://shop.example.com/hooks"], json_schema_extra={"format": "uri"}
    )
    enabled_events: EnabledEvents = Field(default_factory=lambda: ["*"])


class WebhookEndpointChanges(Schema):
    """What changes of an endpoint; what is left out stays."""

    model_config = _CHANGES

    url: Annotated[str, Field(min_length=1, max_length=2000)] = Field(
        "", json_schema_extra={"format": "uri"}
    )
    enabled_events: EnabledEvents = Field(default_factory=lambda: ["*"])
    status: Literal["enabled", "disabled"] = "enabled"


class RotationIn(Schema):
    """How long the old secret signs beside the new one."""

    # No Literal: that takes `false` for 0.
    overlap_hours: Annotated[int, WithJsonSchema({"enum": list(OVERLAP_HOURS)})] = Field(
        24, description="0 ends the old secret now.", examples=[24]
    )


# --- What is answered -----------------------------------------------------------------------------


class _Object(Schema):
    id: str
    livemode: bool
    created_at: Instant


class Program(_Object):
    """A loyalty program."""

    object: Literal["program"]
    name: str
    currency_name: str
    time_zone: str
    point_value: int | float
    earn_rate: int
    earn_rounding: Literal["down", "nearest", "up"]
    tiers: list[TierIn]
    metadata: dict[str, str]


class Customer(_Object):
    """A person."""

    object: Literal["customer"]
    name: str | None
    email: str | None
    phone: str | None
    card_number: str | None
    metadata: dict[str, str]


class Account(_Object):
    """One customer in one program."""

    object: Literal["loyalty_account"]
    program_id: str
    customer_id: str
    status: Literal["active", "closed"]
    balance: int = Field(description="Spendable now; below zero when more was reversed than left.")
    lifetime_points: int = Field(description="Total ever earned.")
    tier: str | None
    metadata: dict[str, str]
    customer: Customer | None = Field(None, description="With `expand=customer` only.")


class Source(Schema):
    """What an award was for."""

    type: str
    id: str


class Transaction(_Object):
    """One line of an account's ledger."""

    object: Literal["points_transaction"]
    account_id: str
    seq: int = Field(description="1, 2, 3 … per account, without gaps.")
    kind: Literal["award", "redemption", "reversal", "cancellation", "adjustment"]
    points: int
    balance_after: int
    lifetime_after: int
    reason: str | None
    metadata: dict[str, str]
    reverses: str | None
    redemption_id: str | None
    source: Source | None
    hash: str


class Reward(_Object):
    """What points buy."""

    object: Literal["reward"]
    program_id: str
    name: str
    description: str
    type: Literal["free_product", "discount_amount", "discount_percent", "store_credit", "partner"]
    value: int | None
    points_cost: int
    stock: int | None
    per_member_limit: int | None
    starts_at: Instant | None
    ends_at: Instant | None
    min_tier: str | None
    status: Literal["active", "archived"]
    metadata: dict[str, str]


class Redemption(_Object):
    """One purchase of one reward."""

    object: Literal["redemption"]
    account_id: str
    reward_id: str
    status: Literal["confirmed", "fulfilled", "cancelled"]
    points_spent: int
    code: str
    metadata: dict[str, str]
    fulfilled_at: Instant | None
    cancelled_at: Instant | None


class Event(_Object):
    """What happened, as webhooks tell it."""

    object: Literal["event"]
    type: str
    sequence: int = Field(description="The account's `seq` at the time; 0 for other events.")
    data: dict[str, Any]


class WebhookEndpoint(_Object):
    """Where events go."""

    object: Literal["webhook_endpoint"]
    url: str
    enabled_events: list[str]
    status: Literal["enabled", "disabled"]
    secret: str | None = Field(
        None, description="In the answer that creates or rotates it, and never again."
    )


class Deleted(Schema):
    """What is gone."""

    object: str
    id: str
    deleted: Literal[True]


class PageInfo(Schema):
    """Whether a list goes on."""

    has_more: bool
    next_cursor: str | None


class ProgramList(Schema):
    """Programs, the newest first."""

    object: Literal["list"]
    data: list[Program]
    page: PageInfo


class CustomerList(Schema):
    """Customers, the newest first."""

    object: Literal["list"]
    data: list[Customer]
    page: PageInfo


class AccountList(Schema):
    """Accounts, the newest first."""

    object: Literal["list"]
    data: list[Account]
    page: PageInfo


class TransactionList(Schema):
    """Transactions, the newest first."""

    object: Literal["list"]
    data: list[Transaction]
    page: PageInfo


class RewardList(Schema):
    """Rewards, the newest first."""

    object: Literal["list"]
    data: list[Reward]
    page: PageInfo


class RedemptionList(Schema):
    """Redemptions, the newest first."""

    object: Literal["list"]
    data: list[Redemption]
    page: PageInfo


class EventList(Schema):
    """Events, the newest first."""

    object: Literal["list"]
    data: list[Event]
    page: PageInfo


class WebhookEndpointList(Schema):
    """Webhook endpoints, the newest first."""

    object: Literal["list"]
    data: list[WebhookEndpoint]
    page: PageInfo


class ErrorDetail(Schema):
    """What went wrong."""

    type: Literal[
        "invalid_request",
        "authentication",
        "permission",
        "not_found",
        "conflict",
        "refused",
        "rate_limit",
        "server",
    ]
    code: Annotated[str, WithJsonSchema({"type": "string", "enum": list(ERROR_CODES)})] = Field(
        examples=["insufficient_points"]
    )
    message: str
    param: str | None
    request_id: str


class ErrorBody(Schema):
    """The answer to a request that did not succeed. Below 500, nothing was changed by it."""

    error: ErrorDetail


class BatchOutcome(Schema):
    """What became of one award of a batch: `transaction` or `error` is there."""

    idempotency_key: str
    status: int = Field(description="The status that the award alone would have had.")
    replayed: bool = Field(description="It had been made before and moved nothing now.")
    transaction: Transaction | None
    error: ErrorDetail | None


class AwardBatch(Schema):
    """What became of each award, in the order of the request."""

    object: Literal["award_batch"]
    livemode: bool
    data: list[BatchOutcome]
