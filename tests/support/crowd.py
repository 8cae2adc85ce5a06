"""Many threads that do one thing at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import RegularsError

Result = TypeVar("Result")

CROWD = 50
PATIENCE_SECONDS = 60.0
"""Longer than any crowd needs; only a deadlock that the database does not see lasts so long."""


@dataclass(frozen=True)
class Answers(Generic[Result]):
    """What came of it.

    Attributes:
        given: what the calls gave that succeeded.
        refusals: the codes of the expected refusals.
        faults: what nobody expected, such as a deadlock.
    """

    given: list[Result]
    refusals: list[str]
    faults: list[BaseException]


def crowd(
    act: Callable[[int], Result],
    *,
    count: int = CROWD,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Answers[Result]:
    """Call `act` with 0 to `count` - 1, each in a thread of its own, all let go at once."""
    answers: Answers[Result] = Answers([], [], [])
    gate = threading.Barrier(count)

    def run(number: int) -> None:
        gate.wait(patience_seconds)
        try:
            answers.given.append(act(number))
        except RegularsError as refusal:
            answers.refusals.append(refusal.code)
        except BaseException as fault:
            answers.faults.append(fault)

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(patience_seconds)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"
    return answers
