"""Tokens: one algorithm signs them, no other is believed, and chance makes all of them."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from itsdangerous import TimestampSigner
from itsdangerous.signer import NoneAlgorithm
from webauthn import base64url_to_bytes
from webauthn.helpers import bytes_to_base64url

from app.db.database import Database
from app.factory import create_app
from app.ids import ALPHABET, new_code, new_token
from app.rules import api_keys
from app.services.staff import second_factors
from app.services.webhooks import endpoints
from tests import factories
from tests.cast import Cast
from tests.support.authenticator import Authenticator
from tests.support.pages import Page, Visitor
from tests.support.settings import make_settings

ROOT = Path(__file__).resolve().parents[2]

DIGESTS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_256", "blake2b")
DERIVATIONS = ("hmac", "concat", "django-concat", "none")

TOKEN_BYTES = 32
SEED_BYTES = 20
RECOVERY_CODE_BITS = 60

AT_RANDOM = {
    "app/sandbox/seeding.py": "made-up members",
    "app/worker/delivering.py": "how long it waits before it tries again",
}
"""Where luck that can be foretold does no harm."""


def forgeries(app: Flask, token: str, salt: str) -> dict[str, str]:
    """Sign what a token says in all other ways, and in its own, as who knows the key could."""
    said, _, signature = token.rpartition(".")
    payload, _, _ = said.rpartition(".")
    found = {
        f"{digest}, key by {derivation}": _signed(app, said, salt, digest, derivation)
        for digest in DIGESTS
        for derivation in DERIVATIONS
    }
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    unsigned = TimestampSigner(str(app.secret_key), salt=salt, algorithm=NoneAlgorithm())
    return found | {
        "no algorithm": unsigned.sign(payload).decode(),
        "an empty signature": f"{said}.",
        "no signature": said,
        "no moment": payload,
        "half a signature": f"{said}.{signature[: len(signature) // 2]}",
        "another letter's case": f"{said}.{signature.swapcase()}",
        "a header that says none": f"{none}.{said}.",
    }


def _signed(app: Flask, said: str, salt: str, digest: str, derivation: str) -> str:
    def made(data: bytes = b"") -> Any:
        return hashlib.new(digest, data, usedforsecurity=False)

    signer = TimestampSigner(
        str(app.secret_key), salt=salt, key_derivation=derivation, digest_method=made
    )
    return f"{said}.{signer.get_signature(said).decode()}"


def check_one_algorithm(found: dict[str, str], token: str, opens: Callable[[str], bool]) -> None:
    """Check that a token opens something, and that none that is signed otherwise does."""
    (own,) = [name for name, each in found.items() if each == token]
    assert [name for name, each in found.items() if opens(each)] == [own]


def test_a_cookie_that_is_signed_by_another_algorithm_or_by_none_signs_nobody_in(
    app: Flask, owner: Visitor
) -> None:
    cookie = owner.client.get_cookie("regulars")
    assert cookie is not None

    def opens(value: str) -> bool:
        thief = Visitor(app)
        thief.client.set_cookie("regulars", value)
        answer = thief.get("/members")
        assert answer.status == 200 or answer.location == "/sign-in?next=/members"
        return answer.status == 200

    check_one_algorithm(forgeries(app, cookie.value, "cookie-session"), cookie.value, opens)


def test_a_forms_token_of_another_algorithm_or_of_none_lets_nothing_be_done(
    app: Flask, cast: Cast, manager: Visitor
) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = {**manager.get(path).fields(path), "points": "50", "reason": "Purchase"}
    token = str(fields["csrf_token"])

    def opens(value: str) -> bool:
        return manager.post(path, {**fields, "csrf_token": value}).status == 303

    check_one_algorithm(forgeries(app, token, "wtf-csrf-token"), token, opens)
    assert factories.reload(cast, member).balance == 50


def test_a_challenge_of_another_algorithm_or_of_none_lets_no_passkey_in(
    app: Flask, manager: Visitor
) -> None:
    device = Authenticator()
    asked = _options(manager, "/you/second-factor", "/you/passkeys/options")
    fields = manager.get("/you/second-factor").fields("/you/passkeys")
    made = {"credential": device.make(asked), "passkey_name": "Telephone"}
    assert manager.post("/you/passkeys", {**fields, **made}).status == 200
    asked = _options(Visitor(app), "/sign-in", "/sign-in/passkey/options")
    token = base64url_to_bytes(asked["challenge"]).decode()

    def opens(value: str) -> bool:
        visitor = Visitor(app)
        answer = device.sign({**asked, "challenge": bytes_to_base64url(value.encode())})
        form = visitor.get("/sign-in").fields("/sign-in/passkey")
        return visitor.post("/sign-in/passkey", {**form, "credential": answer}).status == 303

    check_one_algorithm(forgeries(app, token, "passkey sign in"), token, opens)


def _options(visitor: Visitor, page: str, path: str) -> dict[str, Any]:
    answer = visitor.client.post(path, data=visitor.get(page).fields())
    found: dict[str, Any] = json.loads(answer.text)
    return found


def test_the_tokens_of_sign_ins_tills_invitations_and_cards_have_256_random_bits(
    app: Flask, cast: Cast, owner: Visitor
) -> None:
    member = factories.enrol(cast)
    sign_ins = [_token_of(app, Visitor(app).sign_in("owner")) for _ in range(3)]
    tills = [factories.register_till(cast).token for _ in range(3)]
    invited = [factories.invite(cast, f"p{number}@example.com").token for number in range(3)]
    card = owner.press(f"/members/{member.id}/card", f"/members/{member.id}/card/link")
    links = [_path_of_card(owner.get(card.location) if card.status == 303 else card)]

    tokens = [*sign_ins, *tills, *invited, *links]

    assert len(set(tokens)) == 10
    assert {len(_bytes_of(token)) for token in tokens} == {TOKEN_BYTES}


def _token_of(app: Flask, visitor: Visitor) -> str:
    cookie = visitor.client.get_cookie("regulars")
    assert cookie is not None
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(serializer.loads(cookie.value)["_user_id"])


def _path_of_card(page: Page) -> str:
    found = [
        re.search(r"/card/([\w-]+)", str(each.get("value"))) for each in page.elements("input")
    ]
    (token,) = {each.group(1) for each in found if each}
    return token


def _bytes_of(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def test_every_bit_of_a_token_is_left_to_chance() -> None:
    """Of 256 tokens a bit that chance makes is sometimes set, and sometimes not."""
    tokens = [int.from_bytes(_bytes_of(new_token())) for _ in range(256)]
    set_once = unset_once = 0
    for token in tokens:
        set_once |= token
        unset_once |= ~token

    everything = (1 << 8 * TOKEN_BYTES) - 1
    assert set_once & everything == everything
    assert unset_once & everything == everything


def test_every_letter_of_a_code_is_left_to_chance() -> None:
    codes = [new_code() for _ in range(1000)]

    assert [len(set(letters)) for letters in zip(*codes, strict=True)] == [len(ALPHABET)] * 6


def test_recovery_codes_have_60_bits_and_the_secret_of_an_app_160(
    app: Flask, cashier: Visitor
) -> None:
    cashier.press("/you/second-factor", "/you/second-factor/begin")
    shown = cashier.get("/you/second-factor")
    (secret,) = [each.text or "" for each in shown.elements("code")]
    done = cashier.send("/you/second-factor", code=pyotp.TOTP(secret).now())
    codes = [each.text or "" for each in done.elements("code")]

    assert len(base64.b32decode(secret)) == SEED_BYTES
    assert len(set(codes)) == len(codes) == second_factors.RECOVERY_CODES
    letters = {code.replace("-", "") for code in codes}
    assert all(set(each.lower()) <= set(ALPHABET) for each in letters)
    assert {len(each) * (len(ALPHABET) - 1).bit_length() for each in letters} == {
        RECOVERY_CODE_BITS
    }


MAKERS: dict[str, Callable[[], object]] = {
    "a token": new_token,
    "a code": new_code,
    "an app's secret": pyotp.random_base32,
    "an API key": lambda: api_keys.new_secret(mode="live", is_restricted=False),
    "a webhook's secret": endpoints.new_secret,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
def test_who_knows_how_luck_began_cannot_foretell_a_secret(make: Callable[[], object]) -> None:
    """What `random` gives follows from its seed; a secret comes from the system (`secrets`)."""
    kept = random.getstate()
    made = []
    for _ in range(2):
        random.seed(20260312)
        made.append(make())
    random.setstate(kept)

    assert made[0] != made[1]


def test_luck_that_can_be_foretold_makes_no_secret() -> None:
    found = set()
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if {"random", "numpy", "uuid"} & {name.partition(".")[0] for name in names}:
                found.add(path.relative_to(ROOT).as_posix())

    assert found == set(AT_RANDOM)


def test_a_cookie_of_the_key_before_is_good_while_it_is_named(
    cast: Cast, sqlite: Database, tmp_path: Path
) -> None:
    def shop(key: str, before: str = "") -> Flask:
        changes = {"secret_key": key, "secret_key_before": before}
        return create_app(make_settings(sqlite, tmp_path, **changes), sqlite)

    del cast
    old, new = "the key of last year " * 2, "the key of this year " * 2
    cookie = Visitor(shop(old)).sign_in("cashier").client.get_cookie("regulars")
    assert cookie is not None

    changing, changed = Visitor(shop(new, old)), Visitor(shop(new))
    for visitor in (changing, changed):
        visitor.client.set_cookie("regulars", cookie.value)

    assert changing.get("/members").status == 200
    assert changed.get("/members").location == "/sign-in?next=/members"
