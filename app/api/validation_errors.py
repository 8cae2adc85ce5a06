"""What pydantic finds wrong with a request, in words that say what to send instead."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.api import schemas
from app.api.parsing import AsSent
from app.errors import InvalidParameter, MissingParameter, UnknownParameter
from app.models.rewards import REWARD_TYPES

Place = tuple[int | str, ...]

_WORDS = {
    "string_type": "Send a string.",
    "int_type": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "float_type": "Send a number.",
    "finite_number": "Send a number.",
    "bool_type": "Send true or false.",
    "list_type": "Send a list.",
    "dict_type": "Send an object.",
    "model_type": "Send an object.",
    "model_attributes_type": "Send an object.",
    "none_required": "Leave it out.",
    "string_pattern_mismatch": "It has characters or a form that cannot be here.",
}
"""By pydantic's types of faults; what is not here has words of its own."""

_WORDS_OF_BOUNDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than_equal": lambda bound: f"Send {bound['ge']:,} or more.",
    "less_than_equal": lambda bound: f"Send {bound['le']:,} or less.",
    "string_too_short": lambda bound: (
        f"Send at least {bound['min_length']} characters."
        if bound["min_length"] > 1
        else "Send at least one character."
    ),
    "string_too_long": lambda bound: f"Send at most {bound['max_length']:,} characters.",
    "too_short": lambda bound: f"Send at least {bound['min_length']:,}.",
    "too_long": lambda bound: f"Send at most {bound['max_length']:,}.",
}

_WORDS_OF_PATTERNS = {
    schemas.SAID: "Write something, in one line.",
    schemas.TEXT: "Control characters cannot be kept.",
    schemas.NO_CONTROLS: "Control characters cannot be kept.",
    schemas.ASCII: "Send plain ASCII characters.",
    schemas.OUR_ID: "This is no id.",
    schemas.TIER_KEY: "Use a to z in lower case, digits and _.",
    schemas.LINE: "Send one line, without control characters.",
}


def refusal_of(
    error: ValidationError, body: Mapping[str, Any] | None
) -> InvalidParameter | MissingParameter | UnknownParameter:
    """Say what the first fault is, by its name outside.

    Args:
        body: what was sent as JSON, or None without a body.
    """
    faults = error.errors(include_url=False, include_context=True, include_input=False)
    place = _place(faults[0], body)
    # A choice of shapes has a fault for each of them, at one place.
    alike = [each for each in faults if _place(each, body) == place]
    fault = alike[0]
    param = AsSent(".".join(map(str, place)) or "body")
    if fault["type"] == "missing" or (param == "body" and body is None):
        return MissingParameter(param, f"“{param}” is missing. Send it.")
    if fault["type"] == "union_tag_not_found":
        return MissingParameter("type", "“type” is missing. Send it.")
    if fault["type"] == "union_tag_invalid":
        return InvalidParameter("type", f"type is one of {', '.join(REWARD_TYPES)}.")
    if fault["type"] == "extra_forbidden":
        return UnknownParameter(param)
    return InvalidParameter(param, f"“{param}” is not right: {_words(alike)}")


def _place(fault: ErrorDetails, body: Mapping[str, Any] | None) -> Place:
    """Give a fault's place, without the marks of shapes and keys that pydantic puts into it."""
    found: list[int | str] = []
    value: Any = body
    for number, part in enumerate(fault["loc"]):
        is_there = (isinstance(value, dict) and part in value) or (
            isinstance(value, list) and isinstance(part, int)
        )
        if is_there:
            value = value[part]
        elif not (fault["type"] == "missing" and number == len(fault["loc"]) - 1):
            continue
        found.append(part)
    # What is wrong with the address or a header stands in no body.
    return tuple(found) or fault["loc"][:1]


def _words(alike: Sequence[ErrorDetails]) -> str:
    """Say what to send, given all that could have been sent at one place."""
    types = {each["type"]: each for each in alike}
    if "literal_error" in types:
        expected = ", ".join(
            str(each["ctx"]["expected"]) for each in alike if each["type"] == "literal_error"
        )
        quoted = re.findall(r"'([^']*)'", expected)
        return f"Send one of {', '.join(quoted) if quoted else expected}."
    # Of the kinds of numbers, this one is the widest.
    fault = types.get("float_type") or alike[0]
    context = fault.get("ctx", {})
    if fault["type"] in _WORDS_OF_BOUNDS:
        return _WORDS_OF_BOUNDS[fault["type"]](context)
    words = _WORDS_OF_PATTERNS.get(context.get("pattern", "")) or _WORDS.get(fault["type"])
    return words or re.sub(r"^Value error, ", "", fault["msg"]).rstrip(".") + "."
