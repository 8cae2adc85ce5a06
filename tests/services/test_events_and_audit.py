"""Each act writes its event and its audit entry in its own transaction: spec sections 6 and 7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app import errors
from app.models.members import Member
from app.models.rewards import Reward
from app.rules.actors import Actor
from app.rules.ledger import Source
from app.services import redemptions, rewards, snapshots
from app.services.ledger import acts
from app.services.members import enrolment
from app.services.rewards import Terms
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import run_once

KEYED = ["enrol", "award", "reverse", "adjust", "redeem", "rewards.create"]
"""The acts that a one-time key can be given to; the others do nothing the second time."""


class Stage:
    """A member with points and a redemption, and every act that one can play on them."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        self.member: Member = factories.enrol(cast, customer_id="c1")
        self.award = factories.award(cast, self.member, 1000, source=Source("payment", "p1"))
        self.reward: Reward = factories.make_reward(cast)
        self.redemption = factories.redeem(cast, self.member, self.reward)

    def play(self, act: str, by: Actor | None = None, key: str = "", **more: Any) -> Any:
        """Run one act, under a key if one is given, and return what it returns."""
        doing: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
            "enrol": (enrolment.enrol, {"program_id": self.cast.program_id}),
            "award": (acts.award, {**self._member, "points": 10, "reason": "Purchase"}),
            "reverse": (acts.reverse, {"entry_id": self.award.id, "reason": "Refund"}),
            "adjust": (acts.adjust, {**self._member, "points": -5, "reason": "Correction"}),
            "redeem": (redemptions.redeem, {**self._member, **self._reward}),
            "fulfil": (redemptions.fulfil, self._redemption),
            "cancel": (redemptions.cancel, self._redemption),
            "close": (enrolment.close, self._member),
            "edit": (enrolment.edit, {**self._member, "changes": {"name": "New"}}),
            "rewards.create": (
                rewards.create,
                {"program_id": self.cast.program_id, "terms": _terms("Pastry")},
            ),
            "rewards.edit": (rewards.edit, {**self._reward, "changes": {"name": "Tea"}}),
            "rewards.archive": (rewards.archive, self._reward),
        }
        function, given = doing[act]
        if key:
            given = {"by": by or self.cast.manager, **given, **more}
            return run_once(self.cast, key, function, lambda _session, _id, id_: id_, **given)
        with self.cast.database.writing() as session:
            return function(
                session,
                workspace_id=self.cast.workspace_id,
                by=by or self.cast.manager,
                **{**given, **more},
            )

    @property
    def _member(self) -> dict[str, str]:
        return {"member_id": self.member.id}

    @property
    def _reward(self) -> dict[str, str]:
        return {"reward_id": self.reward.id}

    @property
    def _redemption(self) -> dict[str, str]:
        return {"redemption_id": self.redemption.id}


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return Stage(cast)


@pytest.mark.parametrize(
    ("act", "event_type", "audited"),
    [
        ("enrol", "loyalty.account.created", "members.enrol"),
        ("award", "loyalty.points.earned", "ledger.award"),
        ("reverse", "loyalty.points.reversed", "ledger.reverse"),
        ("adjust", "loyalty.points.adjusted", "ledger.adjust"),
        ("redeem", "loyalty.reward.redeemed", "redemptions.redeem"),
        ("fulfil", "loyalty.redemption.fulfilled", "redemptions.fulfil"),
        ("cancel", "loyalty.redemption.cancelled", "redemptions.cancel"),
        ("close", "loyalty.account.updated", "members.close"),
        ("edit", "loyalty.account.updated", "members.edit"),
        ("rewards.create", "loyalty.reward.created", "rewards.create"),
        ("rewards.edit", "loyalty.reward.updated", "rewards.edit"),
        ("rewards.archive", "loyalty.reward.updated", "rewards.archive"),
    ],
)
def test_an_act_writes_one_event_and_one_audit_entry(
    stage: Stage, act: str, event_type: str, audited: str
) -> None:
    cast = stage.cast
    before, audit_before = _event_ids(cast), {each.id for each in records.audit_of(cast)}

    stage.play(act)

    events = [each for each in records.events_of(cast) if each.id not in before]
    (written,) = [each for each in records.audit_of(cast) if each.id not in audit_before]
    told = [each for each in events if each.type != "loyalty.tier.changed"]
    assert [each.type for each in told] == [event_type]
    assert (written.act, written.actor_kind, written.actor_id) == (
        audited,
        "staff",
        cast.manager.id,
    )
    assert written.location_id == cast.location_id


@pytest.mark.parametrize(
    "act",
    [*KEYED, "fulfil", "cancel", "close", "edit", "rewards.edit", "rewards.archive"],
)
def test_a_refused_act_writes_nothing(stage: Stage, act: str) -> None:
    before = records.count_written(stage.cast)

    with pytest.raises(errors.PermissionDenied):
        stage.play(act, by=stage.cast.viewer, **_key_of(act))

    assert records.count_written(stage.cast) == before


@pytest.mark.parametrize(
    ("act", "more", "refusal"),
    [
        ("award", {"member_id": "loy_none"}, errors.NotFound),
        ("reverse", {"points": 1001}, errors.ExceedsReversible),
        ("adjust", {"points": -551}, errors.BalanceWouldGoNegative),
        ("redeem", {"expected_points": 1}, errors.RewardNotAvailable),
        ("rewards.create", {"terms": Terms(name="", type="partner", points_cost=1)}, None),
    ],
)
def test_an_impossible_act_writes_nothing(
    stage: Stage, act: str, more: dict[str, Any], refusal: type[Exception] | None
) -> None:
    before = records.count_written(stage.cast)

    with pytest.raises(refusal or errors.MissingParameter):
        stage.play(act, **_key_of(act), **more)

    assert records.count_written(stage.cast) == before


@pytest.mark.parametrize("act", KEYED)
def test_a_replay_writes_nothing(stage: Stage, act: str) -> None:
    first = stage.play(act, key="k1")
    before = records.count_written(stage.cast)

    again = stage.play(act, key="k1")

    assert (first.replayed, again.replayed) == ("", "key")
    assert again.value == first.value.id
    assert records.count_written(stage.cast) == before


def test_a_source_again_and_an_enrolment_again_write_nothing(stage: Stage) -> None:
    before = records.count_written(stage.cast)

    stage.play("award", points=1000, source=Source("payment", "p1"))
    stage.play("enrol", customer_id="c1")

    assert records.count_written(stage.cast) == before


def test_an_act_whose_transaction_fails_leaves_nothing(stage: Stage) -> None:
    before = records.count_written(stage.cast)

    with pytest.raises(_PowerCut):
        _award_and_fail(stage)

    assert records.count_written(stage.cast) == before


def test_events_of_a_member_carry_its_seq_and_snapshot(stage: Stage) -> None:
    entry = stage.play("award").value

    event = records.events_of(stage.cast, "loyalty.points.earned")[-1]
    assert (event.sequence, event.member_id, event.entry_id) == (3, stage.member.id, entry.id)
    assert event.data == snapshots.transaction(entry)
    assert event.data["balanceAfter"] == 560


def test_a_tier_change_is_told_with_the_tier_before(stage: Stage) -> None:
    stage.play("award", points=1000)

    up = records.events_of(stage.cast, "loyalty.tier.changed")[-1]
    assert (up.data["previousTier"], up.data["tier"], up.sequence) == ("silver", "gold", 3)
    assert up.data["balance"] == 1550


def test_the_audit_log_says_what_the_balance_was_and_is(stage: Stage) -> None:
    stage.play("adjust", by=_asked_by(stage.cast.manager))

    (written,) = records.audit_of(stage.cast, "ledger.adjust")
    assert (written.before, written.after) == ({"balance": 550}, {"balance": 545, "points": -5})
    assert (written.member_id, written.request_id) == (stage.member.id, "req_1")


class _PowerCut(Exception):
    """Something that no service expects."""


def _award_and_fail(stage: Stage) -> None:
    with stage.cast.database.writing() as session:
        acts.award(
            session,
            workspace_id=stage.cast.workspace_id,
            member_id=stage.member.id,
            points=600,
            reason="Purchase",
            by=stage.cast.manager,
        )
        session.flush()
        raise _PowerCut


def _asked_by(actor: Actor) -> Actor:
    return Actor(**{**vars(actor), "request_id": "req_1"})


def _key_of(act: str) -> dict[str, Any]:
    return {"key": "k1"} if act in KEYED else {}


def _event_ids(cast: Cast) -> set[str]:
    return {each.id for each in records.events_of(cast)}


def _terms(name: str) -> Terms:
    return Terms(name=name, type="free_product", points_cost=5)
