"""The short form of `make prove`: a power cut takes no acknowledged act, and spoils no database."""

from __future__ import annotations

from pathlib import Path

from tests.proof import power_cut
from tests.support.databases import SqliteMaker

ACTS = 60
CUTS = 80


def test_a_power_cut_loses_no_acknowledged_act(sqlite_maker: SqliteMaker, tmp_path: Path) -> None:
    traced = power_cut.trace(sqlite_maker.template, tmp_path, ACTS)
    result = power_cut.cut(traced, tmp_path, cut_count=CUTS, seed=6)

    assert result.cut_count == CUTS
    assert result.act_count > ACTS / 2
    assert result.sync_count >= result.act_count
    assert result.lost == []
    assert result.faults == []
