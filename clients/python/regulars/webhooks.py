"""Checking that a webhook is from Regulars."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time

from pydantic import ValidationError

from regulars.errors import SignatureInvalid
from regulars.objects import Event

TOLERANCE_SECONDS = 300

_TIME = re.compile(r"[0-9]{1,12}")


class Webhooks:
    """Verifies webhooks with the endpoint's secret (`whsec_…`)."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret

    def verify(
        self,
        body: bytes | str,
        header: str | None,
        *,
        secret: str | None = None,
        tolerance_seconds: int = TOLERANCE_SECONDS,
    ) -> Event:
        """Give the event of a webhook.

        Args:
            body: what arrived, byte for byte; parsing and writing it again changes it.
            header: the header `X-Vinr-Signature`, or None where it did not come.
            secret: the endpoint's, if the client was made without it.

        Raises:
            SignatureInvalid: it is not signed with this secret, was changed, is too old, or is
                no event.
        """
        data = body.encode() if isinstance(body, str) else body
        moment, signatures = _parsed(header or "")
        if abs(time.time() - moment) > tolerance_seconds:
            raise SignatureInvalid("The webhook is too old, or this machine's clock is wrong.")
        expected = hmac.new(
            self._key(secret), f"{moment}.".encode() + data, hashlib.sha256
        ).hexdigest()
        if not any(hmac.compare_digest(expected, each) for each in signatures):
            raise SignatureInvalid("The signature does not fit this body and secret.")
        try:
            return Event.model_validate_json(data)
        except ValidationError as error:
            raise SignatureInvalid("The signature fits, but the body is no event.") from error

    def _key(self, secret: str | None) -> bytes:
        secret = secret or self._secret
        if not secret:
            raise SignatureInvalid("No secret: give one, or make the client with webhook_secret.")
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error as error:
            raise SignatureInvalid("The secret is not one of Regulars: whsec_…") from error


def _parsed(header: str) -> tuple[int, list[str]]:
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t" and _TIME.fullmatch(value)]
    signatures = [value for name, _, value in parts if name == "v1" and value.isascii()]
    if len(times) != 1 or not signatures:
        raise SignatureInvalid("The header is not of the form t=…,v1=…")
    return int(times[0]), signatures
