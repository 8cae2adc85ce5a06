"""Reading JSON strictly: what is unclear is refused, and the refusal names what is at fault."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection
from typing import Any, NoReturn

from flask import current_app, g, request

from app.errors import (
    InvalidParameter,
    NotFound,
    UnknownParameter,
    WrongContentType,
)
from app.http.requests import StorableRequest
from app.rules import inputs

DEPTH_MAX = 6
"""The deepest body that any call takes has three levels."""


LARGE_BODY_BYTES = {"api_points.award_points_batch": 1024 * 1024}
"""The calls that take more than the 64 KiB that every other request may have."""


class AsSent(str):
    """A name that the caller wrote, or the document has; it is told as it stands."""

    __slots__ = ()


_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class StrictRequest(StorableRequest):
    """A request whose JSON is what `read_body` found."""

    def get_json(self, *_arguments: Any, **_options: Any) -> Any:
        """Give the body; the OpenAPI library asks for it here."""
        return g.get("json_body")


def check_address() -> None:
    """Look at the request's address.

    Raises:
        InvalidParameter: a name stands in it twice.
        UnknownParameter: the call takes nothing in its address.
        NotFound: it names an id that nothing can have.
    """
    if request.args and request.endpoint and not _takes_query(request.endpoint):
        raise UnknownParameter(AsSent(next(iter(request.args))))
    for name in request.args:
        if len(request.args.getlist(name)) > 1:
            raise InvalidParameter(
                AsSent(name), f"“{name}” stands in the address twice. Send it once."
            )
    for value in (request.view_args or {}).values():
        if _UNSTORABLE.search(value) or len(value) > inputs.CALLER_ID_CHARACTERS_MAX:
            raise NotFound("There is no such object here.")


def _takes_query(endpoint: str) -> bool:
    view = inspect.unwrap(current_app.view_functions[endpoint])
    return "query" in inspect.signature(view).parameters


def read_body() -> None:
    """Read the body of the request under way.

    Raises:
        InvalidParameter: the body is no JSON object, or a name stands twice somewhere.
        WrongContentType: the body is said to be something else.
    """
    if request.endpoint in LARGE_BODY_BYTES:
        request.max_content_length = LARGE_BODY_BYTES[request.endpoint]
    data = request.get_data()
    if not data:
        return
    if request.mimetype != "application/json":
        error = WrongContentType(
            "Send JSON, with the header “Content-Type: application/json”.", param="Content-Type"
        )
        raise error
    if request.content_encoding not in {None, "", "identity"}:
        raise WrongContentType(
            "Send the body as it is, without packing it.", param="Content-Encoding"
        )
    body = _parsed(data)
    if not isinstance(body, dict):
        _refuse('The body must be a JSON object, such as {"points": 250}.')
    g.json_body = body


def refuse_any_body() -> None:
    """Refuse fields where a call takes none; an empty object is fine."""
    for name in g.get("json_body") or {}:
        raise UnknownParameter(AsSent(name))


def _parsed(data: bytes) -> Any:
    try:
        body = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_twins,
            parse_constant=_refuse_constant,
        )
    except (UnicodeDecodeError, ValueError):
        _refuse("The body is no JSON in UTF-8. Check quotes, commas and brackets.")
    except RecursionError:
        _refuse_depth()
    if _is_too_deep(body):
        _refuse_depth()
    return body


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            shown = _printable(name)
            raise InvalidParameter(
                AsSent(shown), f"“{shown}” stands in the body twice. Send it once."
            )
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is no number in JSON. Send a number, or leave it out.")


def _is_too_deep(body: Any) -> bool:
    """Look level by level: a body may be nested deeper than Python calls itself."""
    level = [body]
    for _ in range(DEPTH_MAX):
        level = [inner for each in level for inner in _inside(each)]
    return bool(level)


def _inside(value: Any) -> Collection[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_depth() -> NoReturn:
    _refuse(f"The body is nested too deep. {DEPTH_MAX} levels are the most.")


def _refuse(message: str) -> NoReturn:
    raise InvalidParameter("body", message)


def _printable(name: str) -> str:
    return name.encode("utf-8", "replace").decode()[:80]
