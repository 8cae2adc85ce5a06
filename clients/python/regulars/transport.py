"""Sending requests: with the key, in JSON, again when that is safe, and with typed answers."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from regulars.errors import ApiError, ConnectionFailed, kind_of

Thing = TypeVar("Thing", bound=BaseModel)

RETRIED = frozenset({408, 429, 500, 502, 503, 504})
LONGEST_WAIT_SECONDS = 30.0
KEY_CHARACTERS_MAX = 255


class Left:
    """Stands for a value that is left out, where None would mean something."""


LEFT = Left()


@dataclass(frozen=True)
class Page(Generic[Thing]):
    """A part of a list. Iterating goes on to the parts that follow, as they are needed."""

    data: list[Thing]
    has_more: bool
    next_cursor: str | None
    _following: Callable[[str], Page[Thing]]

    def __iter__(self) -> Iterator[Thing]:
        """Give every object from here to the list's end."""
        page = self
        while True:
            yield from page.data
            if page.next_cursor is None:
                return
            page = page._following(page.next_cursor)


class Transport:
    """One server and one key.

    Every POST carries an idempotency key: the caller's, or one made for the call, so that a retry
    never acts twice.
    """

    def __init__(
        self,
        secret_key: str,
        base_url: str,
        *,
        timeout_seconds: float,
        retry_count: int,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not secret_key or not secret_key.isascii() or not secret_key.isprintable():
            # Said without the key: what is raised lands in logs.
            raise ValueError(
                "The secret key is empty, or holds a line break or a character that no key has."
            )
        self._retry_count = retry_count
        self._sleep = sleep
        self._http = http or httpx.Client(timeout=timeout_seconds, follow_redirects=False)
        self._base_url = base_url.rstrip("/").removesuffix("/v1")
        self._headers = {
            "Authorization": f"Bearer {secret_key}",
            "Accept": "application/json",
            "User-Agent": "regulars-python/0.1",
        }

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, kind: type[Thing], path: str, **query: Any) -> Thing:
        """Read one object."""
        return kind.model_validate(self._send("GET", path, query=query))

    def list(self, kind: type[Thing], path: str, **query: Any) -> Page[Thing]:
        """Read a part of a list."""
        found = self._send("GET", path, query=query)
        return Page(
            data=[kind.model_validate(each) for each in found["data"]],
            has_more=found["page"]["hasMore"],
            next_cursor=found["page"]["nextCursor"],
            _following=lambda cursor: self.list(
                kind, path, **{**query, "starting_after": cursor, "ending_before": LEFT}
            ),
        )

    def post(
        self, kind: type[Thing], path: str, body: Mapping[str, Any], idempotency_key: str | None
    ) -> Thing:
        """Make or do something, once."""
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        if not 1 <= len(key) <= KEY_CHARACTERS_MAX or not key.isascii() or not key.isprintable():
            raise ValueError("An idempotency key is 1 to 255 printable ASCII characters.")
        return kind.model_validate(self._send("POST", path, body=body, key=key))

    def patch(self, kind: type[Thing], path: str, body: Mapping[str, Any]) -> Thing:
        """Change something."""
        return kind.model_validate(self._send("PATCH", path, body=body))

    def delete(self, path: str) -> None:
        """Remove something."""
        self._send("DELETE", path)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> Any:
        request = self._http.build_request(
            method,
            f"{self._base_url}/v1{path}",
            params=_outside(query or {}),
            json=None if body is None else _outside(body),
            headers={**self._headers, **({"Idempotency-Key": key} if key else {})},
        )
        for attempt in range(self._retry_count + 1):
            is_last = attempt == self._retry_count
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                if is_last:
                    raise ConnectionFailed(f"{method} {path}: {error}") from error
                self._sleep(_backoff(attempt))
                continue
            if response.is_success:
                return _body(response)
            if is_last or response.status_code not in RETRIED:
                raise _error(response)
            self._sleep(_asked_wait(response) or _backoff(attempt))
        raise AssertionError("the last attempt returns or raises")


def _body(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        raise _error(response) from None


def _outside(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give values by their names outside, without those that are left out."""
    return {to_camel(name): value for name, value in values.items() if not isinstance(value, Left)}


def _backoff(attempt: int) -> float:
    # Full jitter, so that callers who failed together do not come back together.
    return random.uniform(0, min(LONGEST_WAIT_SECONDS, 0.5 * 2**attempt))  # noqa: S311 - no secret


def _asked_wait(response: httpx.Response) -> float | None:
    asked = response.headers.get("Retry-After", "")
    return min(LONGEST_WAIT_SECONDS, float(asked)) if asked.isdecimal() else None


def _error(response: httpx.Response) -> ApiError:
    try:
        told = response.json()["error"]
        code, message, param = told["code"], told["message"], told["param"]
    except (ValueError, KeyError, TypeError):
        code, message, param = "unexpected_answer", response.text[:200], None
    return kind_of(response.status_code)(
        message,
        status=response.status_code,
        code=code,
        param=param,
        request_id=response.headers.get("X-Request-Id"),
    )
