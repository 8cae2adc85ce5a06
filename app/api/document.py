"""The OpenAPI 3.1 document: what the library gathers, with examples, links and headers."""

from __future__ import annotations

from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.openapi import OpenAPI

INFO = Info(
    title="Regulars",
    version="1",
    description=(
        "Loyalty points over HTTP. Test keys reach the sandbox and live keys the live workspace. "
        "Every POST takes an `Idempotency-Key`: the same key with the same body acts once and "
        "gives the first answer again."
    ),
)

SECURITY_SCHEMES: dict[str, SecurityScheme | dict[str, Any]] = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "apiKey": {"type": "apiKey", "name": "X-Api-Key", "in": "header"},
}

_ACCOUNT = "loy_01k9xw3v7r2m4q8t6y0b5n1c3d"
_AWARD = "ptx_01k9xw4a2b3c4d5e6f7g8h9j0k"
_REWARD = "rwd_01k9xw2z9y8x7w6v5t4s3r2q1p"
_PROGRAM = "prog_01k9xw1m2n3p4q5r6s7t8v9w0x"

BODIES: dict[str, dict[str, Any]] = {
    "create_program": {
        "name": "Harbour Regulars",
        "currencyName": "points",
        "pointValue": 0.8,
        "earnRate": 10,
        "tiers": [
            {"key": "bronze", "name": "Bronze", "threshold": 0},
            {"key": "gold", "name": "Gold", "threshold": 5000},
        ],
    },
    "create_customer": {"id": "cust_8sJ2k", "name": "Ngozi Okafor", "email": "ngozi@example.com"},
    "create_account": {
        "programId": _PROGRAM,
        "customerId": "cust_8sJ2k",
        "metadata": {"signupSource": "checkout"},
    },
    "award_points": {
        "accountId": _ACCOUNT,
        "points": 250,
        "reason": "purchase",
        "metadata": {"paymentId": "pay_3xZ9q", "orderId": "1234"},
    },
    "reverse_points": {"transactionId": _AWARD, "reason": "refund"},
    "create_reward": {
        "programId": _PROGRAM,
        "name": "Free shipping",
        "type": "discount_amount",
        "value": 495,
        "pointsCost": 200,
    },
    "create_redemption": {
        "accountId": _ACCOUNT,
        "rewardId": _REWARD,
        "metadata": {"orderId": "1234"},
    },
    "create_webhook_endpoint": {"url": "https://shop.example.com/hooks", "enabledEvents": ["*"]},
}
"""A body for each call that takes one, by its operation."""

LINKS = {
    "create_program": "retrieve_program",
    "create_customer": "retrieve_customer",
    "create_account": "retrieve_account",
    "award_points": "retrieve_points",
    "reverse_points": "retrieve_points",
    "create_reward": "retrieve_reward",
    "create_redemption": "retrieve_redemption",
    "create_webhook_endpoint": "retrieve_webhook_endpoint",
}
"""Which call reads what another one made, by its `id`."""

_HEADERS = {
    "X-Request-Id": {"description": "The request's id.", "schema": {"type": "string"}},
    "X-RateLimit-Limit": {
        "description": "Requests that fit into the bucket.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {
        "description": "Requests that are left of it.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Reset": {
        "description": "Seconds until it is full again.",
        "schema": {"type": "integer"},
    },
}


def document(app: OpenAPI) -> dict[str, Any]:
    """Give the document of an app."""
    gathered: dict[str, Any] = app.api_doc
    for path_item in gathered["paths"].values():
        for operation in path_item.values():
            _finish(operation)
    return gathered


def _finish(operation: dict[str, Any]) -> None:
    name = operation["operationId"]
    for status, response in operation["responses"].items():
        response["headers"] = _HEADERS
        if status == "201" and name in LINKS:
            response["links"] = {
                LINKS[name]: {
                    "operationId": LINKS[name],
                    "parameters": {"id": "$response.body#/id"},
                }
            }
    if name in BODIES:
        content = operation["requestBody"]["content"]["application/json"]
        content["example"] = BODIES[name]
        operation["requestBody"]["required"] = True
    elif "requestBody" in operation:
        operation["requestBody"]["required"] = True
