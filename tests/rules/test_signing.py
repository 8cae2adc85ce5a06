"""Signatures that anyone's library verifies, and nothing else passes for."""

from __future__ import annotations

import base64
import time
from datetime import UTC, datetime

import pytest
import regulars
from standardwebhooks import Webhook, WebhookVerificationError

from app.rules import signing

SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"b" * 32).decode()
KNOWN_SEED_DIGEST = "dfa75c5a9e7903ef353cc501ac959eac940d98539a1db218a0cfc838b02bf196"
KNOWN_STANDARD_DIGEST = "DIOtVwU++35tdLArNQhUe7PyBRZALWRtx3JBgHBzkgU="
BODY = (
    '{"id":"evt_1","type":"loyalty.points.earned","createdAt":"2026-03-12T14:00:00.000Z",'
    '"livemode":false,"sequence":3,"data":{"name":"Kovářová"}}'
).encode()


def signed(*secrets: str, moment: int | None = None) -> dict[str, str]:
    moment = int(time.time()) if moment is None else moment
    return signing.headers(secrets=secrets, message_id="evt_1", moment=moment, body=BODY)


@pytest.mark.parametrize("secrets", [(SECRET,), (OTHER, SECRET), (SECRET, OTHER)])
def test_the_standard_webhooks_library_verifies(secrets: tuple[str, ...]) -> None:
    assert Webhook(SECRET).verify(BODY, signed(*secrets))["id"] == "evt_1"


@pytest.mark.parametrize("secrets", [(SECRET,), (OTHER, SECRET)])
def test_our_client_verifies_the_seeds_header(secrets: tuple[str, ...]) -> None:
    client = regulars.Regulars("sk_test_x", webhook_secret=SECRET)

    assert client.webhooks.verify(BODY, signed(*secrets)[signing.SEED_HEADER]).id == "evt_1"


def test_a_known_signature_stays_as_it_is() -> None:
    """A change of the scheme would break every receiver; the digest was made with openssl."""
    found = signing.headers(secrets=[SECRET], message_id="evt_1", moment=1773324000, body=b"{}")

    assert found == {
        "X-Vinr-Signature": "t=1773324000,v1=" + KNOWN_SEED_DIGEST,
        "webhook-id": "evt_1",
        "webhook-timestamp": "1773324000",
        "webhook-signature": "v1," + KNOWN_STANDARD_DIGEST,
    }


@pytest.mark.parametrize("change", ["body", "webhook-id", "webhook-timestamp", "secret"])
def test_the_library_refuses_what_was_changed(change: str) -> None:
    headers, body, secret = signed(SECRET), BODY, SECRET
    if change == "body":
        body = BODY.replace(b"3", b"4")
    elif change == "secret":
        secret = OTHER
    else:
        headers[change] = {"webhook-id": "evt_2", "webhook-timestamp": str(int(time.time()) + 1)}[
            change
        ]

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


NOW = int(datetime(2026, 3, 12, 14, 0, tzinfo=UTC).timestamp())


def fits(header: str, *, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,)) -> bool:
    keys = [signing.key_of(secret) for secret in secrets]
    return signing.fits(keys=keys, header=header, body=body, now=NOW, tolerance=300)


def test_a_signed_body_fits() -> None:
    header = signed(SECRET, moment=NOW - 300)[signing.SEED_HEADER]

    assert fits(header)
    assert fits(header, secrets=(OTHER, SECRET))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=,v1=",
        "v1=00",
        f"t={NOW}",
        f"t={NOW},v1=é",
        f"t={NOW},t={NOW},v1=00",
        f"t=-{NOW},v1=00",
        f"t={'9' * 40},v1=00",
        signed(SECRET, moment=NOW - 301)[signing.SEED_HEADER],
        signed(SECRET, moment=NOW + 301)[signing.SEED_HEADER],
        signed(OTHER, moment=NOW)[signing.SEED_HEADER],
        signed(SECRET, moment=NOW)[signing.SEED_HEADER].replace("v1=", "v0="),
    ],
)
def test_another_header_does_not_fit(header: str) -> None:
    assert not fits(header)


def test_another_body_does_not_fit() -> None:
    assert not fits(signed(SECRET, moment=NOW)[signing.SEED_HEADER], body=BODY + b" ")
