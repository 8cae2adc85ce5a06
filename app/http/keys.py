"""Who calls the API: the key of a request, what it may do, and how often."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from flask import Response, current_app, g, request

from app import errors
from app.config import Rate, Settings
from app.http import limits
from app.http.requests import request_id
from app.models.merchants import Workspace
from app.rules import api_keys as keys
from app.rules.actors import Actor
from app.rules.buckets import Taken

_HOW = "Send it as “Authorization: Bearer sk_test_…” or “X-Api-Key: sk_test_…”."


@dataclass(frozen=True)
class Caller:
    """The key of this request.

    Attributes:
        scopes: what it may do, or None for everything.
    """

    key_id: str
    scopes: list[str] | None
    workspace: Workspace


def authenticate() -> None:
    """Find the request's key and take a token from its bucket.

    Raises:
        InvalidApiKey: there is none, it is not good, or it stands in the address.
        RateLimited: the bucket is empty.
    """
    settings: Settings = current_app.extensions["regulars.settings"]
    _refuse_keys_in_the_address(settings.sandbox_rate)
    secret = _sent_key()
    rate = settings.live_rate if keys.is_live(secret) else settings.sandbox_rate
    admitted = limits.admit(secret, rate) if secret else None
    if admitted is None:
        limit_address(settings.sandbox_rate)
        raise errors.InvalidApiKey(
            f"This API key is not good here. {_HOW}" if secret else f"No API key came. {_HOW}"
        )
    found, taken = admitted
    g.caller = Caller(found.key_id, found.scopes, found.workspace)
    _judge(rate, taken)


def caller() -> Caller:
    """Give the key of this request; only behind `authenticate`."""
    found: Caller = g.caller
    return found


def find_caller() -> Caller | None:
    """Give the key of this request, or None."""
    found: Caller | None = g.get("caller")
    return found


def workspace_id() -> str:
    """Give the id of the workspace that the key opens."""
    return caller().workspace.id


def actor() -> Actor:
    """Give the key as the ledger and the audit log write it down."""
    return Actor(kind="key", id=caller().key_id, role="key", request_id=request_id())


def check_scope(needed: str) -> None:
    """Refuse what the key's scopes do not hold.

    Raises:
        PermissionDenied: it may not.
    """
    if not keys.allows(caller().scopes, needed):
        raise errors.PermissionDenied(
            f"This key may not do that: it needs {needed}. Use another key, or make one that may."
        )


def add_limit_headers(response: Response) -> None:
    """Say how much is left of the caller's bucket."""
    limit: tuple[Rate, Taken] | None = g.get("limit")
    if limit is None:
        return
    rate, taken = limit
    response.headers["X-RateLimit-Limit"] = str(rate.burst)
    response.headers["X-RateLimit-Remaining"] = str(taken.remaining)
    response.headers["X-RateLimit-Reset"] = str(taken.reset_seconds)


def limit_address(rate: Rate) -> None:
    """Take a token from the bucket of the address that a bad request came from.

    Raises:
        RateLimited: the bucket is empty.
    """
    _limit(f"address {_address_hash()}", rate)


def _limit(name: str, rate: Rate) -> None:
    _judge(rate, limits.take(name, rate))


def _judge(rate: Rate, taken: Taken) -> None:
    g.limit = (rate, taken)
    if not taken.is_allowed:
        raise errors.RateLimited(
            f"Too many requests. Wait {taken.retry_seconds} s, then go on with at most "
            f"{rate.per_second} per second.",
            retry_after_seconds=taken.retry_seconds,
        )


def _sent_key() -> str:
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if given and kind.lower() == "bearer":
        return given.strip()
    return request.headers.get("X-Api-Key", "").strip()


def _refuse_keys_in_the_address(rate: Rate) -> None:
    guilty = [name for name, value in request.args.items(multi=True) if _is_key(value)]
    if guilty or any(_is_key(name) for name in request.args) or keys.holds_key(request.path):
        limit_address(rate)
        raise errors.InvalidApiKey(
            "An API key stands in the address, where logs keep it. Nothing was done. "
            f"Roll that key. {_HOW}",
            param=guilty[0] if guilty else None,
        )


def _is_key(text: str) -> bool:
    return keys.looks_like_key(text) or keys.holds_key(text)


def _address_hash() -> str:
    return hashlib.sha256((request.remote_addr or "").encode()).hexdigest()[:32]
