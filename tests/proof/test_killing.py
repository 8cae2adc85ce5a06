"""The short form of `make prove`: a server that is killed outright loses and repeats nothing."""

from __future__ import annotations

from pathlib import Path

from tests.cast import Cast
from tests.proof import killing

AWARDS = 240
KILLS = 3
CLIENTS = 4


def test_a_killed_server_loses_nothing_and_repeats_nothing(cast: Cast, tmp_path: Path) -> None:
    result = killing.run(cast, tmp_path, award_count=AWARDS, kill_count=KILLS, clients=CLIENTS)

    assert len(result.answers) == AWARDS
    assert result.replays == result.answers
    assert result.entry_count == AWARDS
    assert result.fault is None
    assert len(result.back_seconds) == KILLS
