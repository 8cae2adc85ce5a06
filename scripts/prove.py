"""`make prove`: the attacks in their long form; prints what it found and writes docs/proof.md."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench import databases
from bench.measuring import machine
from tests import factories
from tests.proof import killing

REPORT = Path(__file__).resolve().parent.parent / "docs" / "proof.md"

AWARDS = 10_000
KILLS = 20
CLIENTS = 8
BACK_SECONDS_MOST = 2.0


def main() -> int:
    """Run all attacks; 1 if anything did not hold."""
    parts = ["# Proof", "", f"Written by `make prove`. {machine()}.", ""]
    parts += [
        "## Servers that are killed",
        "",
        f"{AWARDS:,} awards by {CLIENTS} clients over HTTP, each under its key, durable databases.",
        "The server is killed with SIGKILL in the middle and started again; the clients ask again",
        "until they are answered. `back` is from a restart to the first award that is answered:",
        "the median and the longest.",
        "",
        "| database | kills | answered | replayed alike | entries | verify | back | took |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- | ---: |",
    ]
    holds = True
    for kind in databases.KINDS:
        with databases.new(kind) as database, tempfile.TemporaryDirectory() as folder:
            cast = factories.make_cast(database)
            result = killing.run(
                cast, Path(folder), award_count=AWARDS, kill_count=KILLS, clients=CLIENTS
            )
        alike = sum(result.replays[key] == text for key, text in result.answers.items())
        back = sorted(result.back_seconds)
        holds &= alike == result.entry_count == AWARDS and result.fault is None
        holds &= back[-1] <= BACK_SECONDS_MOST
        parts.append(
            f"| {kind} | {KILLS} | {len(result.answers):,} | {alike:,} | {result.entry_count:,} "
            f"| {result.fault or 'all fit'} | {back[len(back) // 2]:.2f} s, {back[-1]:.2f} s "
            f"| {result.seconds:.0f} s |"
        )
    parts += ["", "All of it held." if holds else "**Not all of it held.**", ""]
    report = "\n".join(parts)
    print(report)
    REPORT.write_text(report, "utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
