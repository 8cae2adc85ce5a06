"""The worker goes on, whatever happens to it."""

from __future__ import annotations

import pytest

from app.metrics import Metrics
from app.worker.delivering import Deliverer
from app.worker.running import FAILED_SECONDS_MAX, Worker
from tests.cast import Cast

TURNS = 2_000


def test_a_worker_that_fails_for_hours_goes_on(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    worker = Worker(cast.database, allows_private=True, metrics=Metrics())

    def fail(_: Deliverer) -> int:
        if len(rests) == TURNS:
            worker.ask_to_stop()
        raise OSError

    monkeypatch.setattr(Deliverer, "turn", fail)
    monkeypatch.setattr(Deliverer, "rest", lambda _, seconds: rests.append(seconds))
    worker.run()
    worker.close()

    assert len(rests) == TURNS + 1
    assert (rests[0], rests[-1]) == (0.5, FAILED_SECONDS_MAX)
