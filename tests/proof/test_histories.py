"""What many do to one member at once could have been done one after the other."""

from __future__ import annotations

import pytest

from app.db.database import Database
from tests import factories
from tests.proof import histories
from tests.proof.histories import Call

CALLS = 1_200
THREADS = 8


def test_a_history_of_mixed_acts_is_linearizable(postgres: Database) -> None:
    history = histories.record(factories.make_cast(postgres), count=CALLS, threads=THREADS, seed=6)

    assert history.faults == []
    assert len(history.calls) == CALLS
    assert histories.find_fault(history.calls) is None


def _award(seq: int, began: float, ended: float, change: int = 10) -> Call:
    return Call("m", began, ended, seq=seq, change=change)


def _read(balance: int, began: float, ended: float) -> Call:
    return Call("m", began, ended, read=balance)


GOOD = [
    [],
    [_award(1, 0, 1), _read(10, 2, 3)],
    # While an award is under way, a read may see it or not.
    [_award(1, 0, 4), _read(0, 1, 2), _read(10, 2.5, 3)],
    [_award(2, 0, 3), _award(1, 1, 2)],
    [_award(1, 0, 1), Call("m", 0, 2, refused_at=11), _read(10, 2, 3)],
]
BAD = {
    "a lost award": [_award(1, 0, 1), _award(1, 0, 1)],
    "a stale read": [_award(1, 0, 1), _read(0, 2, 3)],
    "a read before its award": [_read(10, 0, 1), _award(1, 2, 3)],
    "a read that goes back": [_award(1, 0, 9), _read(10, 1, 2), _read(0, 3, 4)],
    "an order against time": [_award(2, 0, 1), _award(1, 2, 3)],
    "a balance that never was": [_award(1, 0, 1), _award(2, 0, 1), _read(15, 2, 3)],
    "a refusal for no reason": [_award(1, 0, 1, 50), Call("m", 2, 3, refused_at=40)],
}


@pytest.mark.parametrize("calls", GOOD)
def test_a_history_that_can_be_told_one_by_one_is_good(calls: list[Call]) -> None:
    assert histories.find_fault(calls) is None


@pytest.mark.parametrize("name", BAD)
def test_a_history_that_cannot_is_found(name: str) -> None:
    assert histories.find_fault(BAD[name]) is not None
