"""Handing rewards over: spec section 3."""

from __future__ import annotations

import pytest

from app import errors
from app.rules.redeeming import RedemptionRow
from app.services import redemptions
from tests import factories
from tests.cast import Cast
from tests.support import records


def test_a_redemption_is_handed_over_and_no_point_moves(cast: Cast) -> None:
    redemption = _redemption(cast)

    done = factories.fulfil(cast, redemption).value

    assert done.status == "fulfilled"
    assert done.fulfilled_at is not None
    assert records.count_written(cast)["ledger_entries"] == 2


def test_handing_over_twice_changes_nothing(cast: Cast) -> None:
    redemption = _redemption(cast)
    first = factories.fulfil(cast, redemption)
    written = records.count_written(cast)

    again = factories.fulfil(cast, redemption)

    assert (first.replayed, again.replayed) == ("", "existing")
    assert again.value.fulfilled_at == first.value.fulfilled_at
    assert records.count_written(cast) == written


def test_a_cancelled_redemption_cannot_be_handed_over(cast: Cast) -> None:
    redemption = _redemption(cast)
    factories.cancel(cast, redemption)

    with pytest.raises(errors.RewardNotAvailable, match="was cancelled"):
        factories.fulfil(cast, redemption)


def test_a_viewer_hands_nothing_over(cast: Cast) -> None:
    with pytest.raises(errors.PermissionDenied):
        factories.fulfil(cast, _redemption(cast), by=cast.viewer)


def test_an_unknown_redemption_is_not_found(cast: Cast) -> None:
    redemption = _redemption(cast)

    with pytest.raises(errors.NotFound), cast.database.writing() as session:
        redemptions.fulfil(
            session,
            workspace_id=cast.live_workspace_id,
            redemption_id=redemption.id,
            by=cast.owner,
        )


def _redemption(cast: Cast) -> RedemptionRow:
    member = factories.enrol(cast)
    factories.award(cast, member, 500)
    return factories.redeem(cast, member, factories.make_reward(cast))
