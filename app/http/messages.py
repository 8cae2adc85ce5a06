"""What one act leaves to say for the page that comes after it."""

from __future__ import annotations

import json
from typing import Any

from flask import flash, get_flashed_messages

from app import clock

UNDO_SECONDS = 10
"""How long U undoes; the button stays until the next act."""


def say(text: str, *, undo: str | None = None) -> None:
    """Leave a message for the next page.

    Args:
        text: what happened, a short sentence.
        undo: the path that undoes it by POST, if it can be undone.
    """
    flash(json.dumps({"text": text, "undo": undo, "at": clock.now().timestamp()}), "act")


def take_message() -> dict[str, Any] | None:
    """Give the message of the act before, once; `seconds` is how long U still undoes it."""
    texts = get_flashed_messages(category_filter=["act"])
    if not texts:
        return None
    message: dict[str, Any] = json.loads(str(texts[-1]))
    age_seconds = clock.now().timestamp() - message["at"]
    message["seconds"] = max(0, round(UNDO_SECONDS - age_seconds))
    return message
