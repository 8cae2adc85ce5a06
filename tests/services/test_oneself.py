"""Nobody gives points or a reward to the member that they are themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.errors import PermissionDenied
from app.models.members import Member
from tests import factories
from tests.cast import Cast

Act = Callable[[Cast, Member], object]

ACTS: dict[str, Act] = {
    "award": lambda cast, member: factories.award(cast, member, 10),
    "adjust": lambda cast, member: factories.adjust(cast, member, 10),
    "redeem": lambda cast, member: factories.redeem(
        cast, member, factories.make_reward(cast, points_cost=0), by=cast.manager
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_one_may_not_act_for_oneself(cast: Cast, act: str) -> None:
    oneself = factories.enrol(cast, "Manager Person", email="Manager@Harbour.example.com")

    with pytest.raises(PermissionDenied, match="This member is you"):
        ACTS[act](cast, oneself)

    assert factories.reload(cast, oneself).entry_count == 0


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("email", ["cashier@harbour.example.com", "someone@example.com", ""])
def test_one_may_act_for_others(cast: Cast, act: str, email: str) -> None:
    member = factories.enrol(cast, "Somebody", email=email)

    ACTS[act](cast, member)

    assert factories.reload(cast, member).entry_count == 1


def test_one_may_take_back_from_oneself(cast: Cast) -> None:
    oneself = factories.enrol(cast, "Manager Person", email="manager@harbour.example.com")
    entry = factories.award(cast, oneself, 10, by=cast.cashier)

    factories.adjust(cast, oneself, -3)
    factories.reverse(cast, entry, points=7)

    assert factories.reload(cast, oneself).balance == 0
