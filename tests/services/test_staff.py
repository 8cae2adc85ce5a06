"""Signing in, sessions, and the throttle on guessing: spec section 7."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from app import clock, errors
from app.models.audit import AuditEntry
from app.models.staff import SignInThrottle, Staff, StaffSession
from app.rules.actors import SYSTEM
from app.services import locations
from app.services import workspaces as workspaces_service
from app.services.staff import passwords, people, sign_ins
from app.services.staff.sign_ins import FAILURES_PER_ACCOUNT, FAILURES_PER_ADDRESS, SignIn
from app.services.staff.throttles import WINDOW_MINUTES
from tests import factories
from tests.cast import Cast
from tests.support import records

EMAIL = "cashier@harbour.example.com"


@pytest.fixture(autouse=True)
def nobodys_hash() -> Iterator[None]:
    """Let an unknown address cost as little as the tests' other passwords."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_NOBODYS_HASH", passwords._HASHER.hash("nobody's"))
        yield


def test_who_signs_in_has_a_session_at_the_first_shop(cast: Cast) -> None:
    signed_in = _sign_in(cast, email=" Cashier@Harbour.Example.com ")

    assert signed_in is not None
    found = _session_of(cast, signed_in.token)
    assert found is not None
    assert (found.staff.email, found.staff.merchant.name) == (EMAIL, "Harbour Roasters")
    assert (found.mode, found.location_id) == ("sandbox", cast.location_id)


def test_the_token_is_kept_nowhere(cast: Cast) -> None:
    signed_in = _sign_in(cast)

    assert signed_in is not None
    with cast.database.reading() as session:
        stored = session.scalars(select(StaffSession.token_hash)).all()
    assert signed_in.token not in stored
    assert _session_of(cast, stored[0]) is None


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(cast: Cast) -> None:
    assert _sign_in(cast, password="wrong") is None
    assert _sign_in(cast, email="nobody@harbour.example.com") is None
    assert _failures(cast) == [1, 1, 2]


def test_an_unknown_address_costs_a_hash_too(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr(passwords, "_HASHER", _Listener(looked_at))

    _sign_in(cast, email="nobody@harbour.example.com")
    _sign_in(cast)

    assert looked_at == [factories.PASSWORD] * 2


def test_an_account_is_throttled_for_a_quarter_of_an_hour(cast: Cast) -> None:
    now = clock.now()
    with clock.set_to(now):
        for number in range(FAILURES_PER_ACCOUNT):
            assert _sign_in(cast, password="wrong", address=f"192.0.2.{number}") is None
        with pytest.raises(errors.RateLimited, match="Wait 16 minutes") as refusal:
            _sign_in(cast)
    assert refusal.value.retry_after_seconds == WINDOW_MINUTES * 60

    with clock.set_to(now + timedelta(minutes=WINDOW_MINUTES)):
        assert _sign_in(cast) is not None


def test_an_unknown_address_is_throttled_like_a_known_one(cast: Cast) -> None:
    for number in range(FAILURES_PER_ACCOUNT):
        _sign_in(cast, email="nobody@example.com", address=f"192.0.2.{number}")

    with pytest.raises(errors.RateLimited):
        _sign_in(cast, email="Nobody@example.com")


def test_a_network_address_is_throttled_whatever_the_account(cast: Cast) -> None:
    for number in range(FAILURES_PER_ADDRESS):
        _sign_in(cast, email=f"person{number}@example.com", address="192.0.2.1")

    with pytest.raises(errors.RateLimited):
        _sign_in(cast, address="192.0.2.1")
    assert _sign_in(cast, address="192.0.2.2") is not None


def test_a_right_password_ends_the_accounts_count(cast: Cast) -> None:
    for _ in range(FAILURES_PER_ACCOUNT - 1):
        _sign_in(cast, password="wrong")
    assert _sign_in(cast) is not None

    for _ in range(FAILURES_PER_ACCOUNT - 1):
        assert _sign_in(cast, password="wrong") is None


def test_every_failure_of_a_crowd_is_counted(cast: Cast) -> None:
    barrier = threading.Barrier(8)
    answers: list[object] = []

    def guess() -> None:
        barrier.wait()
        try:
            answers.append(_sign_in(cast, password="wrong"))
        except errors.RegularsError as refusal:
            answers.append(refusal)

    threads = [threading.Thread(target=guess) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [None] * 8
    assert _failures(cast) == [8, 8]


def test_a_failed_sign_in_is_in_the_audit_log_of_the_live_workspace(cast: Cast) -> None:
    _sign_in(cast, password="wrong")
    _sign_in(cast)

    assert not [each for each in records.audit_of(cast) if each.act.startswith("staff.sign")]
    with cast.database.reading() as session:
        acts = session.scalars(
            select(AuditEntry.act)
            .where(
                AuditEntry.workspace_id == cast.live_workspace_id,
                AuditEntry.actor_id == cast.cashier.id,
            )
            .order_by(AuditEntry.recorded_at)
        ).all()
    assert acts == ["staff.sign_in_failed", "staff.sign_in"]


def test_a_session_ends_when_its_time_is_over(cast: Cast) -> None:
    now = clock.now()
    with clock.set_to(now):
        token = _token(cast)
    with clock.set_to(now + timedelta(hours=12, seconds=-1)):
        assert _session_of(cast, token) is not None
    with clock.set_to(now + timedelta(hours=12)):
        assert _session_of(cast, token) is None


def test_signing_out_ends_one_session_and_revoking_all(cast: Cast) -> None:
    first, second, other = _token(cast), _token(cast), _token(cast, "owner@harbour.example.com")
    with cast.database.writing() as session:
        sign_ins.sign_out(session, token=first)
        sign_ins.sign_out(session, token="no such token")
    assert _session_of(cast, first) is None
    assert _session_of(cast, second) is not None

    with cast.database.writing() as session:
        assert cast.cashier.id is not None
        sign_ins.revoke_sessions(session, staff_id=cast.cashier.id)

    assert _session_of(cast, second) is None
    assert _session_of(cast, other) is not None


def test_a_disabled_person_is_out_at_once_and_cannot_come_back(cast: Cast) -> None:
    token = _token(cast)
    with cast.database.writing() as session:
        session.execute(update(Staff).where(Staff.id == cast.cashier.id).values(status="disabled"))

    assert _session_of(cast, token) is None
    assert _sign_in(cast) is None


def test_dead_sessions_and_throttles_are_removed(cast: Cast) -> None:
    now = clock.now()
    _token(cast)
    _sign_in(cast, password="wrong")
    with clock.set_to(now + timedelta(hours=13)), cast.database.writing() as session:
        sign_ins.remove_dead_sessions(session)

    with cast.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(StaffSession)) == 0
    assert _failures(cast) == []


def test_a_session_moves_between_the_workspaces_and_shops(cast: Cast) -> None:
    token = _token(cast)
    with cast.database.writing() as session:
        pier = locations.add(
            session, workspace_id=cast.live_workspace_id, name="Pier", by=cast.owner
        ).id
    with cast.database.writing() as session:
        sign_ins.switch_mode(session, token=token, mode="live")
    found = _session_of(cast, token)
    assert found is not None
    assert (found.mode, found.location_id) == ("live", pier)

    with pytest.raises(errors.NotFound), cast.database.writing() as session:
        sign_ins.choose_location(session, token=token, location_id=cast.location_id)
    with cast.database.writing() as session:
        sign_ins.choose_location(session, token=token, location_id=pier)


@pytest.mark.parametrize(
    ("param", "given"),
    [
        ("email", {"email": EMAIL.upper()}),
        ("email", {"email": "nobody"}),
        ("role", {"role": "admin"}),
        ("password", {"password": "x" * 11}),
        ("password", {"password": "x" * 129}),
        ("password", {"password": "polniypizdec110211"}),
        ("password", {"password": "harbourroasters"}),
        ("name", {"name": ""}),
    ],
)
def test_a_person_out_of_bounds_is_refused_by_name(
    cast: Cast, param: str, given: dict[str, str]
) -> None:
    person = {"email": "new@example.com", "name": "New", "role": "viewer", "password": "x" * 12}

    with pytest.raises(errors.RegularsError) as refusal, cast.database.writing() as session:
        people.create(session, merchant_id=cast.merchant_id, by=SYSTEM, **{**person, **given})

    assert refusal.value.param == param


def test_only_an_owner_adds_staff(cast: Cast) -> None:
    with pytest.raises(errors.PermissionDenied), cast.database.writing() as session:
        people.create(
            session,
            merchant_id=cast.merchant_id,
            email="new@example.com",
            name="New",
            role="owner",
            password="x" * 12,
            by=cast.manager,
        )


def test_an_unknown_merchant_or_mode_is_not_found(cast: Cast) -> None:
    with cast.database.reading() as session:
        with pytest.raises(errors.NotFound):
            workspaces_service.get_merchant(session, merchant_id="mer_none")
        with pytest.raises(errors.NotFound):
            workspaces_service.get_workspace(session, merchant_id=cast.merchant_id, mode="test")


def test_a_hash_of_an_earlier_version_is_made_anew_at_sign_in(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    slower = PasswordHasher(memory_cost=16, time_cost=1, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", slower)

    assert _sign_in(cast, password="wrong") is None
    before = _kept_hash(cast)
    assert _sign_in(cast) is not None
    after = _kept_hash(cast)

    assert "m=8," in before
    assert "m=16," in after
    assert _sign_in(cast) is not None
    assert _kept_hash(cast) == after


def _kept_hash(cast: Cast) -> str:
    with cast.database.reading() as session:
        found = sign_ins.find_by_email(session, EMAIL)
        assert found is not None
        return found.password_hash


class _Listener:
    """A hasher that writes down what it is asked to compare."""

    def __init__(self, looked_at: list[str]) -> None:
        self._looked_at = looked_at

    def verify(self, hashed: str, password: str) -> bool:
        assert hashed.startswith("$argon2id$")
        self._looked_at.append(password)
        return True

    def check_needs_rehash(self, hashed: str) -> bool:
        assert hashed.startswith("$argon2id$")
        return False


def _sign_in(
    cast: Cast,
    *,
    email: str = EMAIL,
    password: str = factories.PASSWORD,
    address: str = "192.0.2.99",
) -> SignIn | None:
    with cast.database.writing() as session:
        return sign_ins.sign_in(
            session, email=email, password=password, address=address, mode="sandbox", hours=12
        )


def _token(cast: Cast, email: str = EMAIL) -> str:
    signed_in = _sign_in(cast, email=email)
    assert signed_in is not None
    return signed_in.token


def _session_of(cast: Cast, token: str) -> StaffSession | None:
    with cast.database.reading() as session:
        return sign_ins.find_session(session, token=token)


def _failures(cast: Cast) -> list[int]:
    with cast.database.reading() as session:
        return sorted(session.scalars(select(SignInThrottle.failure_count)))


def test_a_sign_in_begins_where_one_chose_to_work_last(cast: Cast) -> None:
    with cast.database.writing() as session:
        workspaces = {"live": cast.live_workspace_id, "sandbox": cast.workspace_id}
        chosen = {
            mode: [
                locations.add(session, workspace_id=each, name=name, by=cast.owner).id
                for name in ("Pier", "Mill")
            ][-1]
            for mode, each in workspaces.items()
        }
    token = _token(cast)
    for mode in ("sandbox", "live", "sandbox"):
        with cast.database.writing() as session:
            sign_ins.switch_mode(session, token=token, mode=mode)
            sign_ins.choose_location(session, token=token, location_id=chosen[mode])
    # It is forgotten with no sign-in.
    factories.end_sessions(cast)
    with clock.set_to(clock.now() + timedelta(days=2)), cast.database.writing() as session:
        sign_ins.remove_dead_sessions(session)

    again = _token(cast)

    for mode in ("sandbox", "live", "sandbox"):
        with cast.database.writing() as session:
            sign_ins.switch_mode(session, token=again, mode=mode)
        found = _session_of(cast, again)
        assert found is not None
        assert (found.mode, found.location_id) == (mode, chosen[mode])
