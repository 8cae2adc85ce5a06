"""Timing acts, and the tables in which the figures are told."""

from __future__ import annotations

import platform
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

MILLISECONDS = 1000


@dataclass(frozen=True)
class Figures:
    """What one act took, over all its runs.

    Attributes:
        seconds: each run's duration, in the order of the runs.
        wall_seconds: from the first run's start to the last one's end.
    """

    name: str
    seconds: Sequence[float]
    wall_seconds: float

    @property
    def per_second(self) -> float:
        """Give the rate."""
        return len(self.seconds) / self.wall_seconds

    def percentile(self, percent: int) -> float:
        """Give a percentile in milliseconds."""
        ordered = sorted(self.seconds)
        index = min(len(ordered) - 1, len(ordered) * percent // 100)
        return ordered[index] * MILLISECONDS


def measure(name: str, act: Callable[[], object], times: int) -> Figures:
    """Run an act so many times, one after the other."""
    seconds = []
    started = time.perf_counter()
    for _ in range(times):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return Figures(name, seconds, time.perf_counter() - started)


def side_by_side(
    acts: dict[str, Callable[[], object]], *, rounds: int, times: int
) -> dict[str, Figures]:
    """Run acts in turns, so that whatever else the machine does falls on all of them alike."""
    parts: dict[str, list[Figures]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            parts[name].append(measure(name, act, times))
    return {name: _joined(name, found) for name, found in parts.items()}


def machine() -> str:
    """Say what the figures were measured with."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("flask", "sqlalchemy", "psycopg"))
    return (
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {libraries}; "
        f"{platform.machine()}, {platform.system()}"
    )


def table(figures: Sequence[Figures]) -> str:
    """Write figures as a Markdown table."""
    lines = [
        "| act | per second | p50 ms | p95 ms | p99 ms | runs |",
        "| --- " + "| ---: " * 5 + "|",
    ]
    lines += [
        f"| {each.name} | {each.per_second:,.0f} | {each.percentile(50):.2f} "
        f"| {each.percentile(95):.2f} | {each.percentile(99):.2f} | {len(each.seconds):,} |"
        for each in figures
    ]
    return "\n".join(lines)


def _joined(name: str, parts: Sequence[Figures]) -> Figures:
    seconds = [second for part in parts for second in part.seconds]
    return Figures(name, seconds, sum(part.wall_seconds for part in parts))
