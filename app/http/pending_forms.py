"""What was typed when a sign-in had ended meanwhile: it waits in the cookie until it can be sent.

A cookie is signed, and whoever has the browser can read it; so this part of it is encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app, request, session

from app.http import origins

UNSENT = "unsent"


CHARACTERS_MAX = 3_400
"""A cookie holds 4 KB; what takes more than this of it, packed and encrypted, is not kept."""


@dataclass(frozen=True)
class PendingForm:
    """What was typed.

    Attributes:
        path: the page of its form.
        staff_id: who typed it, where that is known: nobody else gets to see it.
    """

    path: str
    fields: Mapping[str, str]
    staff_id: str | None


def counter_of(member_id: str) -> str:
    """Name the counter with a member, in place of a path: its acts have no page of a form."""
    return f"counter {member_id}"


def keep(form: PendingForm) -> None:
    """Keep what was typed, unless it is too long for a cookie."""
    packed = zlib.compress(json.dumps(asdict(form)).encode())
    kept = _box().encrypt(packed).decode()
    if len(kept) <= CHARACTERS_MAX:
        session[UNSENT] = kept


def find() -> PendingForm | None:
    """Return the form that waits, or None. A link on another site does not get it."""
    kept = None if origins.is_foreign(request) else session.get(UNSENT)
    if not isinstance(kept, str):
        # Each form of a page asks, and hardly ever is there anything.
        return None
    try:
        text = zlib.decompress(_box().decrypt(kept))
    except InvalidToken:
        # It was kept under another secret key.
        return None
    return PendingForm(**json.loads(text))


def forget() -> None:
    """Let it go: it is on a page again."""
    session.pop(UNSENT, None)


def _box() -> Fernet:
    # A key of its own, so that what signs does not encrypt as well.
    key = hashlib.sha256(b"unsent " + str(current_app.config["SECRET_KEY"]).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
