"""Passkeys (WebAuthn): signing in without a password, and approving a colleague's act.

A challenge is signed, names what it is for, and lives five minutes; once answered it is spent. So
nothing is written before a device has answered, and no answer is good twice or for anything else.
The device has to know its owner (user verification): that makes two factors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from app import clock, errors, ids
from app.db import statements
from app.ids import new_id, new_token
from app.models.devices import Device
from app.models.second_factors import Passkey, SpentChallenge
from app.models.staff import Staff
from app.rules import inputs
from app.rules.actors import Actor, Approval
from app.services.staff import pins, recording, second_factors, sign_ins
from app.services.staff.sign_ins import SignIn

NAME = "Regulars"
CHALLENGE_SECONDS = 300
PASSKEYS_MAX = 20

SIGN_IN = "sign in"
"""The purpose of a challenge that signs somebody in."""

_REMOVED = "staff.remove_passkey"


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where passkeys are good.

    Attributes:
        host: the host's name without a port: what a passkey is bound to.
        origin: scheme, host and port, as the browser tells it.
        key: what signs the challenges.
    """

    host: str
    origin: str
    key: str


@dataclass(frozen=True)
class Added:
    """A passkey, the recovery codes that came with the first one, and the sign-in's new token.

    Codes and token are shown this once.
    """

    passkey: Passkey
    codes: Sequence[str]
    token: str


class _SpentAlready(errors.InvalidParameter):
    """The challenge was answered before."""


def add_options(session: Session, *, person: Staff, site: Site) -> str:
    """Give the JSON with which a browser makes a passkey for a person."""
    return options_to_json(
        generate_registration_options(
            rp_id=site.host,
            rp_name=NAME,
            user_id=person.id.encode(),
            user_name=person.email,
            user_display_name=person.name,
            challenge=_make_challenge(site, f"add {person.id}"),
            timeout=CHALLENGE_SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=_described(list_own(session, staff_id=person.id)),
        )
    )


def ask_options(site: Site, *, purpose: str, known: Sequence[Passkey] = ()) -> str:
    """Give the JSON with which a browser asks for a passkey.

    Args:
        purpose: what the answer will be good for.
        known: the passkeys that do; none of them means any that the browser finds.
    """
    return options_to_json(
        generate_authentication_options(
            rp_id=site.host,
            challenge=_make_challenge(site, purpose),
            timeout=CHALLENGE_SECONDS * 1000,
            allow_credentials=_described(known),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


def add(
    session: Session, *, token: str, credential: str, name: str, site: Site, by: Actor
) -> Added:
    """Keep a passkey that a person's browser has made; their sign-in has then shown it.

    Args:
        token: of the sign-in that asks.
        credential: what the browser answered, as JSON.

    Raises:
        InvalidParameter: the answer is none to a challenge of ours, or the name is out of bounds.
    """
    found = sign_ins.find_session(session, token=token)
    if found is None:
        raise errors.NotFound("Your sign-in has ended. Sign in again.")
    person = second_factors.lock(session, found.staff_id)
    name = inputs.checked_text(name, param="name", most=80) or "Passkey"
    if len(list_own(session, staff_id=person.id)) >= PASSKEYS_MAX:
        raise errors.InvalidParameter("name", f"{PASSKEYS_MAX} passkeys are enough. Remove one.")
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=_spend_challenge(session, credential, site, f"add {person.id}"),
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise _not_good() from None
    passkey = Passkey(
        id=new_id("pky"),
        staff_id=person.id,
        credential_id=bytes_to_base64url(verified.credential_id),
        public_key=bytes_to_base64url(verified.credential_public_key),
        sign_count=verified.sign_count,
        name=name,
        created_at=clock.now(),
    )
    if _find(session, passkey.credential_id) is not None:
        raise errors.InvalidParameter("name", "This passkey is known already.")
    session.add(passkey)
    is_first = not person.has_second_factor
    person.has_second_factor = True
    found.second_factor_at = clock.now()
    recording.record(session, person, "staff.add_passkey", by, after={"passkey": passkey.id})
    codes = second_factors.make_codes(session, person) if is_first else ()
    return Added(passkey, codes, sign_ins.renew_token(session, found))


def list_own(session: Session, *, staff_id: str) -> Sequence[Passkey]:
    """List a person's passkeys, the oldest first."""
    return session.scalars(
        select(Passkey).where(Passkey.staff_id == staff_id).order_by(Passkey.id)
    ).all()


def list_of_approvers(session: Session, *, merchant_id: str, by: Actor) -> Sequence[Passkey]:
    """List the passkeys of who can approve what a colleague does."""
    approvers = pins.list_approvers(session, merchant_id=merchant_id, by=by)
    return session.scalars(
        select(Passkey).where(Passkey.staff_id.in_([each.id for each in approvers]))
    ).all()


def count_by_person(session: Session, *, merchant_id: str) -> dict[str, int]:
    """Count the passkeys of each person of a merchant who has any."""
    rows = session.execute(
        select(Passkey.staff_id, func.count())
        .join(Staff, Staff.id == Passkey.staff_id)
        .where(Staff.merchant_id == merchant_id)
        .group_by(Passkey.staff_id)
    )
    return {str(staff_id): int(count) for staff_id, count in rows}


def remove(session: Session, *, staff_id: str, passkey_id: str, by: Actor) -> None:
    """Remove one of a person's passkeys. Removing it twice changes nothing.

    Raises:
        NotFound: the person never had one of that id.
    """
    person = second_factors.lock(session, staff_id)
    passkey = session.scalar(
        select(Passkey).where(Passkey.id == passkey_id, Passkey.staff_id == staff_id)
    )
    told = {"passkey": passkey_id}
    if passkey is None:
        if not recording.is_recorded(session, person, _REMOVED, before=told):
            raise errors.NotFound("There is no such passkey here.")
        return
    session.delete(passkey)
    session.flush()
    recording.record(session, person, _REMOVED, by, before=told)
    second_factors.settle(session, person)


def sign_in(
    session: Session,
    *,
    credential: str,
    site: Site,
    mode: str,
    hours: int,
    agent: str = "",
    device: Device | None = None,
) -> SignIn:
    """Sign in who holds a passkey.

    Raises:
        SignInFailed: the answer is not one of a passkey that is known here.
    """
    try:
        person = _answered_by(session, credential, site, SIGN_IN)
    except errors.InvalidParameter:
        raise errors.SignInFailed from None
    return sign_ins.open_session(
        session,
        person,
        mode=mode,
        hours=hours,
        agent=agent,
        method="passkey",
        device=device,
        has_second_factor=True,
    )


def approve(
    session: Session, *, merchant_id: str, credential: str, purpose: str, site: Site, by: Actor
) -> Approval | None:
    """Check a manager's passkey for one act of a colleague.

    Args:
        purpose: the act in all its parts; the answer is good for no other.

    Returns:
        None for an answer that was used: the act that it was for has happened, and sent again it
        is found by its one-time key, or it has to be approved anew.

    Raises:
        InvalidParameter: the answer is not a manager's, or not for this act.
    """
    try:
        person = _answered_by(session, credential, site, purpose)
    except _SpentAlready:
        return None
    known = pins.list_approvers(session, merchant_id=merchant_id, by=by)
    if person.id not in {each.id for each in known}:
        raise errors.InvalidParameter("approver_id", "Another manager or an owner has to approve.")
    return Approval(person.id)


def remove_spent(session: Session) -> None:
    """Delete spent challenges that are too old to be answered again."""
    over = clock.now() - timedelta(seconds=2 * CHALLENGE_SECONDS)
    session.execute(delete(SpentChallenge).where(SpentChallenge.spent_at <= over))


def _answered_by(session: Session, credential: str, site: Site, purpose: str) -> Staff:
    challenge = _spend_challenge(session, credential, site, purpose)
    passkey = _find(session, _part(credential, "id"), locked=True)
    if passkey is None:
        raise _not_good()
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=base64url_to_bytes(passkey.public_key),
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError):
        raise _not_good() from None
    person = session.scalars(select(Staff).where(Staff.id == passkey.staff_id)).one()
    if person.status != "active":
        raise _not_good()
    passkey.sign_count, passkey.last_used_at = verified.new_sign_count, clock.now()
    return person


def _find(session: Session, credential_id: str, *, locked: bool = False) -> Passkey | None:
    statement = select(Passkey).where(Passkey.credential_id == credential_id)
    if locked:
        # Its count is compared and set.
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return session.scalar(statement)


def _serializer(site: Site, purpose: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(site.key, salt=f"passkey {purpose}")


def _make_challenge(site: Site, purpose: str) -> bytes:
    return _serializer(site, purpose).dumps(new_token()).encode()


def _spend_challenge(session: Session, credential: str, site: Site, purpose: str) -> bytes:
    """Give the challenge that was answered, if it is ours, for this purpose, and unspent."""
    try:
        client = json.loads(base64url_to_bytes(_part(credential, "response", "clientDataJSON")))
        challenge = base64url_to_bytes(client["challenge"])
        _serializer(site, purpose).loads(challenge, max_age=CHALLENGE_SECONDS)
    except (BadData, ValueError, TypeError, KeyError, RecursionError):
        raise _not_good() from None
    insert = statements.insert_for(session.get_bind().dialect.name)
    spent = session.execute(
        insert(SpentChallenge)
        .values(challenge_hash=ids.token_hash(challenge.decode()), spent_at=clock.now())
        .on_conflict_do_nothing()
        .returning(SpentChallenge.challenge_hash)
    ).first()
    if spent is None:
        raise _SpentAlready("credential", "This passkey's answer was used. Try again.")
    return challenge


def _part(credential: str, *names: str) -> str:
    try:
        found: Any = json.loads(credential)
        for name in names:
            found = found[name]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _not_good() from None
    if not isinstance(found, str):
        raise _not_good()
    return found


def _described(known: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=base64url_to_bytes(each.credential_id)) for each in known
    ]


def _not_good() -> errors.InvalidParameter:
    return errors.InvalidParameter(
        "credential", "This passkey is not good here, or its answer came too late. Try again."
    )
