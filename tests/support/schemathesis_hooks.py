"""What schemathesis has to know that an OpenAPI document cannot say."""

from __future__ import annotations

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Send 5 where 5.0 was made: both are integers to JSON Schema, and here only one is."""
    return _whole(body)


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Any, kwargs: dict[str, Any]) -> None:
    """Send one cursor at most: that two exclude each other has no word in OpenAPI."""
    if case.query and "startingAfter" in case.query:
        case.query.pop("endingBefore", None)


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
