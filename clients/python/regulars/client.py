"""The client: `client.loyalty.points.award(…)`, by the names of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic.alias_generators import to_camel

from regulars.objects import (
    Account,
    AwardBatch,
    BatchOutcome,
    Customer,
    Event,
    Program,
    Redemption,
    Reward,
    Transaction,
    WebhookEndpoint,
)
from regulars.transport import LEFT, Left, Page, Transport
from regulars.webhooks import Webhooks

Metadata = Mapping[str, str]


class Regulars:
    """One shop's workspace: test keys reach the sandbox, live keys the live one."""

    def __init__(
        self,
        secret_key: str,
        *,
        base_url: str = "http://localhost:8000",
        webhook_secret: str | None = None,
        timeout_seconds: float = 15,
        retry_count: int = 3,
        http: httpx.Client | None = None,
    ) -> None:
        self._transport = Transport(
            secret_key,
            base_url,
            timeout_seconds=timeout_seconds,
            retry_count=retry_count,
            http=http,
        )
        self.loyalty = Loyalty(self._transport)
        self.customers = Customers(self._transport)
        self.events = Events(self._transport)
        self.webhook_endpoints = WebhookEndpoints(self._transport)
        self.webhooks = Webhooks(webhook_secret)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Regulars:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Loyalty:
    """Everything about points."""

    def __init__(self, transport: Transport) -> None:
        self.programs = Programs(transport)
        self.accounts = Accounts(transport)
        self.points = Points(transport)
        self.rewards = Rewards(transport)
        self.redemptions = Redemptions(transport)


class _Resource:
    def __init__(self, transport: Transport) -> None:
        self._transport = transport


class Programs(_Resource):
    """How points are called, earned and valued."""

    _path = "/loyalty/programs"

    def create(
        self,
        *,
        name: str,
        currency_name: str | Left = LEFT,
        time_zone: str | Left = LEFT,
        point_value: float | Left = LEFT,
        earn_rate: int | Left = LEFT,
        earn_rounding: Literal["down", "nearest", "up"] | Left = LEFT,
        tiers: Sequence[Mapping[str, Any]] | Left = LEFT,
        metadata: Metadata | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Program:
        """Create a program; a tier is `{"key", "name", "threshold"}`."""
        body = {
            "name": name,
            "currency_name": currency_name,
            "time_zone": time_zone,
            "point_value": point_value,
            "earn_rate": earn_rate,
            "earn_rounding": earn_rounding,
            "tiers": tiers,
            "metadata": metadata,
        }
        return self._transport.post(Program, self._path, body, idempotency_key)

    def retrieve(self, program_id: str) -> Program:
        """Retrieve a program."""
        return self._transport.get(Program, f"{self._path}/{quote(program_id, safe='')}")

    def update(self, program_id: str, **changes: Any) -> Program:
        """Change what is named; the rest stays."""
        return self._transport.patch(Program, f"{self._path}/{quote(program_id, safe='')}", changes)

    def list(self, *, limit: int | Left = LEFT, starting_after: str | Left = LEFT) -> Page[Program]:
        """List programs, the newest first."""
        return self._transport.list(Program, self._path, limit=limit, starting_after=starting_after)


class Customers(_Resource):
    """People."""

    _path = "/customers"

    def create(
        self,
        *,
        id: str | Left = LEFT,  # noqa: A002 - the API's name
        name: str | Left = LEFT,
        email: str | Left = LEFT,
        phone: str | Left = LEFT,
        card_number: str | Left = LEFT,
        metadata: Metadata | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Customer:
        """Create a customer, under your own id if you give one."""
        body = {
            "id": id,
            "name": name,
            "email": email,
            "phone": phone,
            "card_number": card_number,
            "metadata": metadata,
        }
        return self._transport.post(Customer, self._path, body, idempotency_key)

    def retrieve(self, customer_id: str) -> Customer:
        """Retrieve a customer."""
        return self._transport.get(Customer, f"{self._path}/{quote(customer_id, safe='')}")

    def update(
        self,
        customer_id: str,
        *,
        name: str | Left | None = LEFT,
        email: str | Left | None = LEFT,
        phone: str | Left | None = LEFT,
        card_number: str | Left | None = LEFT,
        metadata: Metadata | Left = LEFT,
    ) -> Customer:
        """Change what is named; None takes a part away."""
        body = {
            "name": name,
            "email": email,
            "phone": phone,
            "card_number": card_number,
            "metadata": metadata,
        }
        path = f"{self._path}/{quote(customer_id, safe='')}"
        return self._transport.patch(Customer, path, body)

    def list(
        self,
        *,
        email: str | Left = LEFT,
        limit: int | Left = LEFT,
        starting_after: str | Left = LEFT,
    ) -> Page[Customer]:
        """List customers, the newest first."""
        return self._transport.list(
            Customer, self._path, email=email, limit=limit, starting_after=starting_after
        )


class Accounts(_Resource):
    """Loyalty accounts: one customer in one program."""

    _path = "/loyalty/accounts"

    def create(
        self,
        *,
        program_id: str,
        customer_id: str,
        metadata: Metadata | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Account:
        """Enrol a customer; who is enrolled already is given back as they are."""
        body = {"program_id": program_id, "customer_id": customer_id, "metadata": metadata}
        return self._transport.post(Account, self._path, body, idempotency_key)

    def retrieve(self, account_id: str, *, expand: Literal["customer"] | Left = LEFT) -> Account:
        """Retrieve an account with its balance."""
        path = f"{self._path}/{quote(account_id, safe='')}"
        return self._transport.get(Account, path, expand=expand)

    def list(
        self,
        *,
        program_id: str | Left = LEFT,
        customer_id: str | Left = LEFT,
        limit: int | Left = LEFT,
        starting_after: str | Left = LEFT,
    ) -> Page[Account]:
        """List accounts, the newest first."""
        return self._transport.list(
            Account,
            self._path,
            program_id=program_id,
            customer_id=customer_id,
            limit=limit,
            starting_after=starting_after,
        )


class Points(_Resource):
    """The ledger."""

    _path = "/loyalty/points"

    def award(
        self,
        *,
        account_id: str,
        points: int,
        reason: str,
        metadata: Metadata | Left = LEFT,
        source: Mapping[str, str] | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Award points; `source` is `{"type", "id"}` and is awarded once for ever."""
        body = {
            "account_id": account_id,
            "points": points,
            "reason": reason,
            "metadata": metadata,
            "source": source,
        }
        return self._transport.post(Transaction, f"{self._path}/award", body, idempotency_key)

    def award_batch(self, awards: Sequence[Mapping[str, Any]]) -> list[BatchOutcome]:
        """Award points to many at once, at most 1,000; each stands or falls for itself.

        Args:
            awards: each as `award` takes it, with an `idempotency_key` of its own, which makes it
                safe to send the batch again.
        """
        batch = [{to_camel(name): value for name, value in each.items()} for each in awards]
        path = f"{self._path}/award-batch"
        return self._transport.post(AwardBatch, path, {"awards": batch}, None).data

    def reverse(
        self,
        *,
        transaction_id: str,
        reason: str,
        points: int | Left = LEFT,
        metadata: Metadata | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Take an award back: all that is left of it, or `points`."""
        body = {
            "transaction_id": transaction_id,
            "reason": reason,
            "points": points,
            "metadata": metadata,
        }
        return self._transport.post(Transaction, f"{self._path}/reverse", body, idempotency_key)

    def retrieve(self, transaction_id: str) -> Transaction:
        """Retrieve one transaction."""
        return self._transport.get(Transaction, f"{self._path}/{quote(transaction_id, safe='')}")

    def list(
        self,
        *,
        account_id: str | Left = LEFT,
        limit: int | Left = LEFT,
        starting_after: str | Left = LEFT,
    ) -> Page[Transaction]:
        """List transactions, the newest first."""
        return self._transport.list(
            Transaction,
            self._path,
            account_id=account_id,
            limit=limit,
            starting_after=starting_after,
        )


class Rewards(_Resource):
    """What points buy."""

    _path = "/loyalty/rewards"

    def create(
        self,
        *,
        program_id: str,
        name: str,
        type: Literal[  # noqa: A002 - the API's name
            "free_product", "discount_amount", "discount_percent", "store_credit", "partner"
        ],
        points_cost: int,
        value: int | Left = LEFT,
        description: str | Left = LEFT,
        stock: int | Left = LEFT,
        per_member_limit: int | Left = LEFT,
        starts_at: datetime | Left = LEFT,
        ends_at: datetime | Left = LEFT,
        min_tier: str | Left = LEFT,
        metadata: Metadata | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Reward:
        """Create a reward; `value` is in minor units, or in percent."""
        body = {
            "program_id": program_id,
            "name": name,
            "type": type,
            "points_cost": points_cost,
            "value": value,
            "description": description,
            "stock": stock,
            "per_member_limit": per_member_limit,
            "starts_at": _written(starts_at),
            "ends_at": _written(ends_at),
            "min_tier": min_tier,
            "metadata": metadata,
        }
        return self._transport.post(Reward, self._path, body, idempotency_key)

    def retrieve(self, reward_id: str) -> Reward:
        """Retrieve a reward."""
        return self._transport.get(Reward, f"{self._path}/{quote(reward_id, safe='')}")

    def update(self, reward_id: str, **changes: Any) -> Reward:
        """Change what is named; the rest stays."""
        plain = {name: _written(value) for name, value in changes.items()}
        return self._transport.patch(Reward, f"{self._path}/{quote(reward_id, safe='')}", plain)

    def archive(self, reward_id: str, *, idempotency_key: str | None = None) -> Reward:
        """Stop offering a reward."""
        path = f"{self._path}/{quote(reward_id, safe='')}/archive"
        return self._transport.post(Reward, path, {}, idempotency_key)

    def list(
        self,
        *,
        program_id: str | Left = LEFT,
        status: Literal["active", "archived"] | Left = LEFT,
        limit: int | Left = LEFT,
        starting_after: str | Left = LEFT,
    ) -> Page[Reward]:
        """List rewards, the newest first."""
        return self._transport.list(
            Reward,
            self._path,
            program_id=program_id,
            status=status,
            limit=limit,
            starting_after=starting_after,
        )


class Redemptions(_Resource):
    """Purchases of rewards."""

    _path = "/loyalty/redemptions"

    def create(
        self,
        *,
        account_id: str,
        reward_id: str,
        metadata: Metadata | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> Redemption:
        """Redeem a reward."""
        body = {"account_id": account_id, "reward_id": reward_id, "metadata": metadata}
        return self._transport.post(Redemption, self._path, body, idempotency_key)

    def retrieve(self, redemption_id: str) -> Redemption:
        """Retrieve a redemption."""
        return self._transport.get(Redemption, f"{self._path}/{quote(redemption_id, safe='')}")

    def cancel(self, redemption_id: str, *, idempotency_key: str | None = None) -> Redemption:
        """Give the points and the piece back. Cancelling twice moves nothing."""
        path = f"{self._path}/{quote(redemption_id, safe='')}/cancel"
        return self._transport.post(Redemption, path, {}, idempotency_key)

    def fulfil(self, redemption_id: str, *, idempotency_key: str | None = None) -> Redemption:
        """Say that the benefit was given."""
        path = f"{self._path}/{quote(redemption_id, safe='')}/fulfil"
        return self._transport.post(Redemption, path, {}, idempotency_key)

    def list(
        self,
        *,
        account_id: str | Left = LEFT,
        reward_id: str | Left = LEFT,
        status: Literal["confirmed", "fulfilled", "cancelled"] | Left = LEFT,
        limit: int | Left = LEFT,
        starting_after: str | Left = LEFT,
    ) -> Page[Redemption]:
        """List redemptions, the newest first."""
        return self._transport.list(
            Redemption,
            self._path,
            account_id=account_id,
            reward_id=reward_id,
            status=status,
            limit=limit,
            starting_after=starting_after,
        )


class Events(_Resource):
    """What happened."""

    _path = "/events"

    def retrieve(self, event_id: str) -> Event:
        """Retrieve an event."""
        return self._transport.get(Event, f"{self._path}/{quote(event_id, safe='')}")

    def list(
        self,
        *,
        type: str | Left = LEFT,  # noqa: A002 - the API's name
        limit: int | Left = LEFT,
        starting_after: str | Left = LEFT,
    ) -> Page[Event]:
        """List events, the newest first."""
        return self._transport.list(
            Event, self._path, type=type, limit=limit, starting_after=starting_after
        )


class WebhookEndpoints(_Resource):
    """Where events go."""

    _path = "/webhook-endpoints"

    def create(
        self,
        *,
        url: str,
        enabled_events: Sequence[str] | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> WebhookEndpoint:
        """Create an endpoint; keep the `secret` of this answer, it is in no other."""
        body = {"url": url, "enabled_events": enabled_events}
        return self._transport.post(WebhookEndpoint, self._path, body, idempotency_key)

    def retrieve(self, endpoint_id: str) -> WebhookEndpoint:
        """Retrieve an endpoint."""
        return self._transport.get(WebhookEndpoint, f"{self._path}/{quote(endpoint_id, safe='')}")

    def update(
        self,
        endpoint_id: str,
        *,
        url: str | Left = LEFT,
        enabled_events: Sequence[str] | Left = LEFT,
        status: Literal["enabled", "disabled"] | Left = LEFT,
    ) -> WebhookEndpoint:
        """Change what is named; the rest stays."""
        body = {"url": url, "enabled_events": enabled_events, "status": status}
        path = f"{self._path}/{quote(endpoint_id, safe='')}"
        return self._transport.patch(WebhookEndpoint, path, body)

    def rotate_secret(
        self,
        endpoint_id: str,
        *,
        overlap_hours: Literal[0, 1, 24, 168] | Left = LEFT,
        idempotency_key: str | None = None,
    ) -> WebhookEndpoint:
        """Get a new `secret`; the old one signs beside it until the overlap is over."""
        path = f"{self._path}/{quote(endpoint_id, safe='')}/rotate-secret"
        body = {"overlap_hours": overlap_hours}
        return self._transport.post(WebhookEndpoint, path, body, idempotency_key)

    def send_test(self, endpoint_id: str, *, idempotency_key: str | None = None) -> Event:
        """Send an event of type `webhook.test` to an endpoint."""
        path = f"{self._path}/{quote(endpoint_id, safe='')}/test"
        return self._transport.post(Event, path, {}, idempotency_key)

    def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint."""
        self._transport.delete(f"{self._path}/{quote(endpoint_id, safe='')}")

    def list(
        self, *, limit: int | Left = LEFT, starting_after: str | Left = LEFT
    ) -> Page[WebhookEndpoint]:
        """List endpoints, the newest first."""
        return self._transport.list(
            WebhookEndpoint, self._path, limit=limit, starting_after=starting_after
        )


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
