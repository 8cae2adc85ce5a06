"""`make prove`: the attacks in their long form; prints what it found and writes docs/proof.md."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from app.db.database import Database
from app.migrations.running import upgrade
from bench import databases
from bench.measuring import machine
from tests import factories
from tests.proof import histories, killing, power_cut
from tests.support.crowd import CROWD
from tests.support.postgres import Server

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "docs" / "proof.md"

AWARDS = 10_000
KILLS = 20
DATABASE_KILLS = 6
CLIENTS = 8
BACK_SECONDS_MOST = 2.0


RACES_FILE = "tests/services/test_races.py"
RACES = {
    "the last piece in stock": "test_the_last_piece_is_sold_once",
    "one balance": "test_one_balance_pays_for_what_it_covers",
    "one key": "test_one_key_has_one_effect_and_one_answer",
    "one reversal": "test_one_award_is_reversed_once",
    "a limit per member": "test_a_limit_per_member_holds",
    "a member's first entries": "test_awards_to_one_member_are_all_counted_without_gaps",
    "an allowance at its edge": "test_of_a_crowd_a_shift_gives_what_its_limit_allows",
    "enrolling one customer": "test_one_customer_becomes_one_member_with_one_event",
}
CUTS = 1_000
CUT_ACTS = 200
ROUNDS = 40
CALLS = 20_000
SEED = 6


def main() -> int:
    """Run all attacks; 1 if anything did not hold."""
    parts = ["# Proof", "", f"Written by `make prove`. {machine()}.", ""]
    held = [attack(parts) for attack in (_kills, _cuts, _races, _histories)]
    holds = all(held)
    parts += ["All of it held." if holds else "**Not all of it held.**", ""]
    report = "\n".join(parts)
    print(report)
    REPORT.write_text(report, "utf-8")
    return 0 if holds else 1


def _cuts(parts: list[str]) -> bool:
    """Cut the power of a disk over and over, and say whether nothing was lost."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = folder / "template.db"
        database = Database(f"sqlite:///{template}")
        upgrade(database.engine)
        database.engine.dispose()
        traced = power_cut.trace(template, folder, CUT_ACTS)
        result = power_cut.cut(traced, folder, cut_count=CUTS, seed=SEED)
    parts += [
        "## Power cuts",
        "",
        f"{result.act_count} acknowledged acts on SQLite, with {len(traced.steps):,} requests to",
        f"the disk, {result.sync_count:,} of them to sync. The power was cut at",
        f"{result.cut_count:,} of them, seed {SEED}: of what was not synced each part was there,",
        "or not, or torn.",
        f"Acknowledged entries that were lost: {len(result.lost)}. Databases that were damaged or",
        f"did not verify: {len(result.faults)}.",
        "",
    ]
    return result.cut_count == CUTS and not result.lost and not result.faults


def _races(parts: list[str]) -> bool:
    """Let fifty threads meet, round after round, and say whether all went well."""
    parts += [
        "## Races",
        "",
        f"{CROWD} threads at once on PostgreSQL, {ROUNDS} rounds each, each round in a database",
        "of its own; the ledger is verified after each.",
        "",
        "| race | rounds that held |",
        "| --- | ---: |",
    ]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        chosen = f"postgres and ({' or '.join(RACES.values())})"
        words = [
            "-q",
            "-n",
            "2",
            "-k",
            chosen,
            f"--junitxml={report}",
            "tests/services/test_races.py",
        ]
        subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=ROOT,
            env={**os.environ, "RACE_ROUNDS": str(ROUNDS)},
            stdout=subprocess.DEVNULL,
            check=False,
        )
        cases = list(ET.parse(report).getroot().iter("testcase"))  # noqa: S314 - pytest's own
    good = Counter(each.get("name", "").partition("[")[0] for each in cases if len(each) == 0)
    parts += [f"| {name} | {good[test]} |" for name, test in RACES.items()]
    parts.append("")
    return len(cases) == sum(good.values()) and all(good[test] >= ROUNDS for test in RACES.values())


def _histories(parts: list[str]) -> bool:
    """Let many act at random, and look for an order in which it could have happened."""
    with databases.new("PostgreSQL") as database:
        history = histories.record(
            factories.make_cast(database), count=CALLS, threads=CLIENTS, seed=SEED
        )
    fault = histories.find_fault(history.calls)
    parts += [
        "## Histories",
        "",
        f"{len(history.calls):,} awards, adjustments, redemptions, reversals, refusals and reads",
        f"by {CLIENTS} threads on {histories.MEMBERS} members, seed {SEED}. "
        f"{fault or 'Linearizable for each member'}; {len(history.faults)} unexpected errors.",
        "",
    ]
    return fault is None and not history.faults and len(history.calls) == CALLS


def _kills(parts: list[str]) -> bool:
    """Kill servers under load, and say whether nothing was lost."""
    parts += [
        "## Servers that are killed",
        "",
        f"{AWARDS:,} awards by {CLIENTS} clients over HTTP, each under its key, durable databases.",
        "A server is killed with SIGKILL in the middle and started again, the product's or",
        "PostgreSQL itself; the clients ask again until they are answered. `back` is from a",
        "restart to the first award that is answered: the median and the longest.",
        "",
        "| killed | kills | answered | replayed alike | entries | verify | back | took |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- | ---: |",
    ]
    holds = True
    for kind in databases.KINDS:
        with databases.new(kind) as database:
            holds &= _kill(f"server on {kind}", database, KILLS, None, parts)
    with databases.postgresql() as (database, server):
        holds &= _kill("PostgreSQL", database, DATABASE_KILLS, server, parts)
    parts.append("")
    return holds


def _kill(
    name: str, database: Database, kill_count: int, server: Server | None, parts: list[str]
) -> bool:
    """Add a row of the table, and say whether it held."""
    with tempfile.TemporaryDirectory() as folder:
        result = killing.run(
            factories.make_cast(database),
            Path(folder),
            award_count=AWARDS,
            kill_count=kill_count,
            clients=CLIENTS,
            database_server=server,
        )
    alike = sum(result.replays[key] == text for key, text in result.answers.items())
    back = sorted(result.back_seconds)
    parts.append(
        f"| {name} | {kill_count} | {len(result.answers):,} | {alike:,} | {result.entry_count:,} "
        f"| {result.fault or 'all fit'} | {back[len(back) // 2]:.2f} s, {back[-1]:.2f} s "
        f"| {result.seconds:.0f} s |"
    )
    is_whole = alike == result.entry_count == AWARDS and result.fault is None
    return is_whole and back[-1] <= BACK_SECONDS_MOST


if __name__ == "__main__":
    sys.exit(main())
