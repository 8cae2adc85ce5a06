"""API keys: make, find, roll, revoke."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from app import clock, errors
from app.config import Rate
from app.db.base import UtcDateTime
from app.db.database import Database
from app.db.statements import Row, Statement
from app.ids import new_id
from app.models.api_keys import ApiKey
from app.models.merchants import Workspace
from app.rules import api_keys, inputs
from app.rules.actors import Actor, Permission
from app.rules.buckets import Taken
from app.services.api_keys import rate_limits
from app.services.audit import trail

OVERLAP_HOURS = (0, 1, 24, 168)
"""How long a rolled key may go on working beside the new one."""

USED_SECONDS = 60
"""`last_used_at` is as exact as this, so that not every request writes it."""


@dataclass(frozen=True)
class NewKey:
    """A new key, and the secret that is shown this once; "" for a key that was made before."""

    key: ApiKey
    secret: str


@dataclass(frozen=True)
class FoundKey:
    """A key that is good, what it may do (None is everything), and the workspace it opens."""

    key_id: str
    scopes: list[str] | None
    workspace: Workspace


def create(
    session: Session,
    *,
    workspace: Workspace,
    name: str,
    by: Actor,
    scopes: Sequence[str] | None = None,
) -> NewKey:
    """Make a key of a workspace.

    Args:
        scopes: what it may do, of `rules.api_keys.SCOPES`; None for everything.

    Returns:
        The key with its secret.

    Raises:
        InvalidParameter, MissingParameter: the name or a scope is unusable.
        PermissionDenied: the role may not.
    """
    _check_may_manage(by)
    name = inputs.checked_text(name, param="name", most=80, required=True)
    scopes = _checked_scopes(scopes)
    key_id = new_id("key")
    prefix, secret = api_keys.new_secret(mode=workspace.mode, is_restricted=scopes is not None)
    key = ApiKey(
        id=key_id,
        merchant_id=workspace.merchant_id,
        mode=workspace.mode,
        name=name,
        prefix=prefix,
        last_four=secret[-4:],
        secret_hash=api_keys.secret_hash(secret),
        scopes=scopes,
        created_at=clock.now(),
    )
    session.add(key)
    _record(session, workspace, "api_keys.create", key, by)
    return NewKey(key, secret)


_FIND = Statement(
    lambda _: (
        select(
            ApiKey.id.label("key_id"),
            ApiKey.scopes,
            Workspace.id,
            Workspace.merchant_id,
            Workspace.mode,
        )
        .join(
            Workspace,
            (Workspace.merchant_id == ApiKey.merchant_id) & (Workspace.mode == ApiKey.mode),
        )
        .where(
            ApiKey.secret_hash == bindparam("secret_hash"),
            ApiKey.revoked_at.is_(None),
            or_(
                ApiKey.expires_at.is_(None),
                ApiKey.expires_at > bindparam("now", type_=UtcDateTime),
            ),
        )
    )
)


def find(database: Database, *, secret: str) -> FoundKey | None:
    """Give a good key and its workspace: not revoked, not expired; or None."""
    asked = _FIND(secret_hash=api_keys.secret_hash(secret), now=clock.now())
    return _found(database.ask_alone(asked)[0])


def admit(database: Database, *, secret: str, rate: Rate) -> tuple[FoundKey, Taken] | None:
    """Find a good key and take a token from its bucket; PostgreSQL only.

    Each call of the API comes this way. It is a transaction of its own in one round trip, so that
    the callers of one key wait for each other's bucket no longer than the database needs.
    """
    now, secret_hash = clock.now(), api_keys.secret_hash(secret)
    _, rows, tokens = database.ask_alone(
        rate_limits.WITHOUT_WAITING(),
        _FIND(secret_hash=secret_hash, now=now),
        rate_limits.taking(secret_hash=secret_hash, now=now, rate=rate),
    )
    found = _found(rows)
    if found is None:
        return None
    return found, rate_limits.taken(database, tokens, name=found.key_id, now=now, rate=rate)


def _found(rows: list[Row]) -> FoundKey | None:
    if not rows:
        return None
    row = rows[0]
    workspace = Workspace(id=row.id, merchant_id=row.merchant_id, mode=row.mode)
    return FoundKey(row.key_id, row.scopes, workspace)


def note_use(session: Session, *, key_ids: Sequence[str]) -> None:
    """Remember that keys were used now."""
    now = clock.now()
    session.execute(
        update(ApiKey)
        .where(
            ApiKey.id.in_(key_ids),
            or_(
                ApiKey.last_used_at.is_(None),
                ApiKey.last_used_at < now - timedelta(seconds=USED_SECONDS),
            ),
        )
        .values(last_used_at=now)
    )


def list_keys(session: Session, *, workspace: Workspace) -> Sequence[ApiKey]:
    """List a workspace's keys: the good ones first, then the newest."""
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.merchant_id == workspace.merchant_id, ApiKey.mode == workspace.mode)
        .order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())
    ).all()


def get_key(session: Session, *, workspace: Workspace, key_id: str) -> ApiKey:
    """Give one key.

    Raises:
        NotFound: no such key in this workspace.
    """
    key = session.scalar(
        select(ApiKey).where(
            ApiKey.id == key_id,
            ApiKey.merchant_id == workspace.merchant_id,
            ApiKey.mode == workspace.mode,
        )
    )
    if key is None:
        raise errors.NotFound("There is no such key here.")
    return key


def roll(
    session: Session,
    *,
    workspace: Workspace,
    key_id: str,
    overlap_hours: int,
    by: Actor,
) -> NewKey:
    """Make a key like another one, and let that one end after the overlap.

    Raises:
        InvalidParameter: not one of `OVERLAP_HOURS`.
        KeyEnded: the key has ended already.
    """
    _check_may_manage(by)
    if overlap_hours not in OVERLAP_HOURS:
        raise errors.InvalidParameter("overlap_hours", "Choose one of the times in the list.")
    old = _lock(session, workspace, key_id)
    _check_is_good(old)
    made = create(session, workspace=workspace, name=old.name, by=by, scopes=old.scopes)
    ends_at = clock.now() + timedelta(hours=overlap_hours)
    old.expires_at = min(old.expires_at, ends_at) if old.expires_at else ends_at
    _record(session, workspace, "api_keys.roll", old, by)
    return made


def revoke(session: Session, *, workspace: Workspace, key_id: str, by: Actor) -> ApiKey:
    """End a key at once. Revoking twice changes nothing."""
    _check_may_manage(by)
    key = get_key(session, workspace=workspace, key_id=key_id)
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        _record(session, workspace, "api_keys.revoke", key, by)
    return key


def _lock(session: Session, workspace: Workspace, key_id: str) -> ApiKey:
    get_key(session, workspace=workspace, key_id=key_id)
    return session.scalars(
        select(ApiKey)
        .where(ApiKey.id == key_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _check_is_good(key: ApiKey) -> None:
    if key.revoked_at is not None or (key.expires_at and key.expires_at <= clock.now()):
        raise errors.KeyEnded


def _checked_scopes(scopes: Sequence[str] | None) -> list[str] | None:
    if scopes is None:
        return None
    if not scopes:
        raise errors.MissingParameter("scopes", "Choose at least one thing that the key may do.")
    for scope in scopes:
        if scope not in api_keys.SCOPES:
            known = ", ".join(api_keys.SCOPES)
            raise errors.InvalidParameter("scopes", f"There is no scope {scope}. Known: {known}.")
    return sorted(set(scopes), key=api_keys.SCOPES.index)


def _check_may_manage(by: Actor) -> None:
    if not by.may(Permission.MANAGE_KEYS):
        raise errors.PermissionDenied("An owner has to do this.")


def _record(session: Session, workspace: Workspace, act: str, key: ApiKey, by: Actor) -> None:
    trail.record(
        session,
        workspace_id=workspace.id,
        act=act,
        by=by,
        subject_id=key.id,
        after={"name": key.name, "key": key.masked, "scopes": key.scopes},
    )
