"""Systems that tell of payments, signed as each of them signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from flask import Flask

from app import clock
from app.models.payments import PaymentSource
from app.rules import signing
from app.services import workspaces
from app.services.payments import sources
from tests.cast import Cast
from tests.support.api import Reply

SECRETS = {"stripe": "whsec_stripes_own_test_secret", "shopify": "shpss_0123456789abcdef"}


def make_source(cast: Cast, kind: str = "regulars", mode: str = "sandbox") -> PaymentSource:
    """Let a system tell of payments."""
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode=mode)
        return sources.create(
            session,
            workspace=workspace,
            kind=kind,
            name=f"{kind.title()} shop",
            program_id=cast.program_id,
            secret=SECRETS.get(kind, ""),
            by=cast.owner,
        ).source


def completed(payment_id: str = "pay_1", amount: int = 1000, **more: Any) -> dict[str, Any]:
    """Tell, in our own form, that a payment was made; `event` names the event."""
    event = more.pop("event", f"evt_{payment_id}")
    data = {"id": payment_id, "amount": amount, "currency": "EUR", "customerId": "cust_1", **more}
    return {"id": event, "type": "payment.completed", "data": data}


def refunded(
    refund_id: str, amount: int | None, payment_id: str = "pay_1", **more: Any
) -> dict[str, Any]:
    """Tell, in our own form, of a refund; None refunds the whole."""
    event = more.pop("event", f"evt_{refund_id}")
    data = {"id": payment_id, "refundId": refund_id, "currency": "EUR", **more}
    if amount is not None:
        data["amount"] = amount
    return {"id": event, "type": "payment.refunded", "data": data}


@dataclass(frozen=True)
class Teller:
    """A source's system, which tells over HTTP."""

    app: Flask
    source: PaymentSource

    def tell(self, body: dict[str, Any], *, event: str = "", topic: str = "") -> Reply:
        """Sign a body as this kind of source does, and send it.

        Args:
            event, topic: what Shopify says in headers.
        """
        raw = json.dumps(body).encode()
        return self.send(raw, {**self.headers(raw), **_shopify_says(self.source, event, topic)})

    def send(self, raw: bytes, headers: dict[str, str]) -> Reply:
        """Send bytes with headers just as they are."""
        path = f"/v1/inbound/payments/{self.source.id}"
        return Reply(self.app.test_client().post(path, data=raw, headers=headers))

    def headers(self, raw: bytes, *, secret: str = "", moment: int | None = None) -> dict[str, str]:
        """Give the headers that sign a body."""
        secret = secret or self.source.secret
        moment = int(clock.now().timestamp()) if moment is None else moment
        if self.source.kind == "stripe":
            signed = hmac.new(secret.encode(), f"{moment}.".encode() + raw, hashlib.sha256)
            return {"Stripe-Signature": f"t={moment},v1={signed.hexdigest()},v0=ignored"}
        if self.source.kind == "shopify":
            digest = hmac.new(secret.encode(), raw, hashlib.sha256).digest()
            return {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()}
        made = signing.headers(secrets=[secret], message_id="evt_1", moment=moment, body=raw)
        return {signing.SEED_HEADER: made[signing.SEED_HEADER]}


def _shopify_says(source: PaymentSource, event: str, topic: str) -> dict[str, str]:
    if source.kind != "shopify":
        return {}
    return {"X-Shopify-Webhook-Id": event, "X-Shopify-Topic": topic}
