"""The OpenAPI 3.1 document: what the library gathers, with examples, links and headers."""

from __future__ import annotations

import copy
import inspect
import json
import re
from typing import Any, TypeGuard, get_type_hints

from flask_openapi3.models.info import Info
from flask_openapi3.models.security_scheme import SecurityScheme
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.api import schemas

INFO = Info(
    title="Regulars",
    version="1",
    description=(
        "Loyalty points over HTTP. Test keys reach the sandbox and live keys the live workspace. "
        "Every POST takes an Idempotency-Key: the same key with the same body acts once and "
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
    "award_points_batch": {
        "awards": [
            {
                "idempotencyKey": "award-pay_3xZ9q",
                "accountId": _ACCOUNT,
                "points": 250,
                "reason": "purchase",
            }
        ]
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
    "rotate_webhook_secret": {"overlapHours": 24},
    "update_program": {"earnRate": 12},
    "update_customer": {"phone": "+353 87 123 4471"},
    "update_reward": {"pointsCost": 250, "stock": 40},
    "update_webhook_endpoint": {"enabledEvents": ["loyalty.points.earned"]},
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
    gathered: dict[str, Any] = copy.deepcopy(app.api_doc)
    # The library keeps only some of a schema's words, so pydantic's own take their place.
    known = [each for each in vars(schemas).values() if _is_schema(each)]
    _, found = models_json_schema(
        [(each, "validation") for each in known], ref_template="#/components/schemas/{model}"
    )
    gathered["components"]["schemas"] = found["$defs"]
    views = {view.__name__: inspect.unwrap(view) for view in app.view_functions.values()}
    for path_item in gathered["paths"].values():
        for method, operation in path_item.items():
            _finish(operation, get_type_hints(views[operation["operationId"]]))
            operation["description"] = _described(operation, method)
    _drop_titles(gathered["components"]["schemas"])
    _drop_unused(gathered)
    return gathered


def _drop_titles(value: object) -> None:
    """Take pydantic's titles out: they only say the names again."""
    if isinstance(value, dict):
        if isinstance(value.get("title"), str):
            del value["title"]
        for inner in value.values():
            _drop_titles(inner)
    elif isinstance(value, list):
        for inner in value:
            _drop_titles(inner)


def _drop_unused(gathered: dict[str, Any]) -> None:
    """Keep the schemas that a call leads to."""
    every = gathered["components"]["schemas"]
    used: set[str] = set()
    fresh = _named_in(gathered["paths"])
    while fresh:
        used |= fresh
        fresh = {name for each in fresh for name in _named_in(every[each])} - used
    gathered["components"]["schemas"] = {name: every[name] for name in every if name in used}


def _named_in(value: object) -> set[str]:
    return set(re.findall(r"#/components/schemas/(\w+)", json.dumps(value)))


def _is_schema(thing: object) -> TypeGuard[type[BaseModel]]:
    return (
        isinstance(thing, type)
        and issubclass(thing, BaseModel)
        and thing.__module__ == schemas.__name__
    )


def _finish(operation: dict[str, Any], hints: dict[str, Any]) -> None:
    name = operation["operationId"]
    for parameter in operation.get("parameters", []):
        model: type[BaseModel] = hints[parameter["in"]]
        field = model.model_json_schema()["properties"][parameter["name"]]
        parameter["schema"] = _of_parameter(field)
    for status, response in operation["responses"].items():
        response["headers"] = {**_HEADERS, **_headers_of(status, operation)}
        if status == "201" and name in LINKS:
            response["links"] = {
                LINKS[name]: {
                    "operationId": LINKS[name],
                    "parameters": {"id": "$response.body#/id"},
                }
            }
    if body := operation.get("requestBody"):
        body["required"] = True
        body["content"]["application/json"]["example"] = BODIES[name]


def _headers_of(status: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Give the headers that only some answers have."""
    if status in {"429", "503"}:
        return {
            "Retry-After": {
                "description": "Seconds until it is worth another try.",
                "schema": {"type": "integer"},
            }
        }
    takes_key = any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
    if takes_key and status.startswith("2"):
        return {
            "Idempotent-Replayed": {
                "description": "`true`: the first answer under the key, sent again. "
                "`source`: the first award of the source. Left out if the request acted now.",
                "schema": {"type": "string", "enum": ["true", "source"]},
            }
        }
    return {}


def scope_of(operation: dict[str, Any], method: str) -> str:
    """Give the scope that a call needs: its resource, and whether it reads or writes."""
    resource = operation["tags"][0].replace(" ", "_")
    return f"{resource}:{'read' if method == 'get' else 'write'}"


def _described(operation: dict[str, Any], method: str) -> str:
    # The library writes a new line of a docstring as HTML.
    words = " ".join(operation.get("description", "").replace("<br/>", " ").split())
    scope = f"Needs the scope `{scope_of(operation, method)}`."
    return f"{words} {scope}" if words else scope


def _of_parameter(field: dict[str, Any]) -> dict[str, Any]:
    """Give a field's schema as an address or header has it: there is no null, one leaves it out."""
    shape = next((each for each in field.get("anyOf", []) if each.get("type") != "null"), field)
    return {key: value for key, value in shape.items() if key not in {"description", "title"}}
