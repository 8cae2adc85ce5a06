"""What was typed when a sign-in had ended meanwhile: it waits in the cookie until it can be sent.

A cookie is signed, and whoever has the browser can read it; so this part of it is encrypted.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from cryptography.fernet import Fernet, InvalidToken
from flask import current_app, request, session
from werkzeug.exceptions import HTTPException

from app.http import origins
from app.http.paths import safe_path

UNSENT = "unsent"

_NOT_KEPT = {
    "csrf_token",
    "password",
    "again",
    "current",
    "secret",
    "code",
    "pin",
    "approver_pin",
    "credential",
    "approver_passkey",
}
"""Fields of secrets, which no cookie holds."""

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


def keep_request(
    pending_at: Callable[[str], str] | None = None, *, staff_id: str | None = None
) -> str:
    """Keep what this request sent, and return the page on which it can be sent again.

    Args:
        pending_at: returns the place at which it waits, from the id of the member, if its own
            path has no page.
        staff_id: who typed it, where that is known: nobody else gets to see it.
    """
    fields = {name: value for name, value in request.form.items() if name not in _NOT_KEPT}
    if _has_form_page(request.path):
        keep(PendingForm(request.path, fields, staff_id))
        return request.path
    if pending_at:
        keep(PendingForm(pending_at((request.view_args or {})["member_id"]), fields, staff_id))
    before = urlsplit(request.referrer or "/")
    return safe_path(f"{before.path}?{before.query}".rstrip("?"))


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


def _has_form_page(path: str) -> bool:
    try:
        current_app.create_url_adapter(request).match(path, method="GET")  # type: ignore[union-attr]
    except HTTPException:
        return False
    return True


def _box() -> Fernet:
    # A key of its own, so that what signs does not encrypt as well.
    key = hashlib.sha256(b"unsent " + str(current_app.config["SECRET_KEY"]).encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))
