"""`make prove`: the attacks in their long form; prints what it found and writes docs/proof.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from app.db import Database
from bench import databases
from bench.measuring import machine
from tests import factories
from tests.proof import killing
from tests.support.postgres import Server

REPORT = Path(__file__).resolve().parent.parent / "docs" / "proof.md"

AWARDS = 10_000
KILLS = 20
DATABASE_KILLS = 6
CLIENTS = 8
BACK_SECONDS_MOST = 2.0


def main() -> int:
    """Run all attacks; 1 if anything did not hold."""
    parts = ["# Proof", "", f"Written by `make prove`. {machine()}.", ""]
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
    parts += ["", "All of it held." if holds else "**Not all of it held.**", ""]
    report = "\n".join(parts)
    print(report)
    REPORT.write_text(report, "utf-8")
    return 0 if holds else 1


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
