"""Power cuts: what the disk may hold after one, and whether the product can live with it.

A disk keeps what was synced. Of what was written since, any part may be there or not, and a write
may be torn between two sectors; in which order the rest arrived, nobody knows.
"""

from __future__ import annotations

import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from app.db.database import Database
from app.models.ledger import LedgerEntry
from tests import factories
from tests.proof.traced import Step

ROOT = Path(__file__).resolve().parents[2]
SECTOR_BYTES = 512
DATABASE = "cut.db"


@dataclass(frozen=True)
class Trace:
    """What the product did.

    Attributes:
        before: the database file when it began.
    """

    before: bytes
    workspace_id: str
    steps: Sequence[Step]


@dataclass
class Result:
    """What came of the cuts.

    Attributes:
        lost: acknowledged entries that were gone after a cut.
        faults: what was wrong with a database after a cut.
    """

    cut_count: int = 0
    sync_count: int = 0
    act_count: int = 0
    lost: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def trace(template: Path, folder: Path, act_count: int) -> Trace:
    """Let the product act in a process of its own, and give what it asked of the disk."""
    file, kept = folder / DATABASE, folder / "steps"
    shutil.copy(template, file)
    words = ["-m", "tests.proof.traced", str(file), str(act_count), str(kept)]
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True)  # noqa: S603 - our own program
    with kept.open("rb") as found:
        before, workspace_id, steps = pickle.load(found)  # noqa: S301 - written a moment ago
    return Trace(before, workspace_id, [Step(*each) for each in steps])


def cut(traced: Trace, folder: Path, *, cut_count: int, seed: int) -> Result:
    """Cut the power so often, at steps spread over the whole, and look what is left."""
    steps, dice = traced.steps, random.Random(seed)  # noqa: S311 - the same cuts each time
    result = Result(
        sync_count=sum(step.what == "sync" for step in steps),
        act_count=sum(step.what == "done" for step in steps),
    )
    at_steps = sorted(dice.sample(range(len(steps)), min(cut_count, len(steps))))
    disk = _Disk({DATABASE: bytearray(traced.before)})
    done: list[str] = []
    for number, step in enumerate(steps):
        if step.what == "done":
            done.append(step.entry_id)
        else:
            disk.take(step)
        if at_steps and number == at_steps[0]:
            at_steps.pop(0)
            _look(disk.after_cut(dice), traced.workspace_id, done, folder, result)
            result.cut_count += 1
    return result


class _Disk:
    """What is surely on the disk, and what was written since the file was synced last."""

    def __init__(self, files: dict[str, bytearray]) -> None:
        self._kept = files
        self._unsynced: dict[str, list[Step]] = {}

    def take(self, step: Step) -> None:
        """Write, or sync what was written."""
        if step.what == "sync":
            content = self._kept.setdefault(step.file, bytearray())
            for each in self._unsynced.pop(step.file, []):
                _apply(content, each)
        elif step.what == "delete":
            self._kept.pop(step.file, None)
            self._unsynced.pop(step.file, None)
        else:
            self._unsynced.setdefault(step.file, []).append(step)

    def after_cut(self, dice: random.Random) -> dict[str, bytearray]:
        """Give what the files may hold when the power goes now."""
        files = {name: bytearray(content) for name, content in self._kept.items()}
        for name, steps in self._unsynced.items():
            content = files.setdefault(name, bytearray())
            for step in steps:
                for part in _arrived(step, dice):
                    _apply(content, part)
        return files


def _arrived(step: Step, dice: random.Random) -> Iterator[Step]:
    """Give the parts of an unsynced step that reached the disk: all, none, or some sectors."""
    fate = dice.choice(["all", "none", "torn"])
    if fate == "all":
        yield step
    elif fate == "torn" and step.what == "write":
        for first in range(0, len(step.data), SECTOR_BYTES):
            if dice.random() < 0.5:
                part = step.data[first : first + SECTOR_BYTES]
                yield Step("write", step.file, step.at + first, part)


def _apply(content: bytearray, step: Step) -> None:
    if step.what == "truncate":
        del content[step.at :]
        return
    if len(content) < step.at:
        content.extend(bytes(step.at - len(content)))
    content[step.at : step.at + len(step.data)] = step.data


def _look(
    files: dict[str, bytearray],
    workspace_id: str,
    done: Sequence[str],
    folder: Path,
    result: Result,
) -> None:
    """Open what is left as the product does, and look for what is lost or wrong."""
    for old in folder.glob(f"{DATABASE}*"):
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        if (found := connection.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            result.faults.append(found)
            return
    database = Database(f"sqlite:///{folder / DATABASE}")
    with database.reading() as session:
        there = set(
            session.scalars(select(LedgerEntry.id).where(LedgerEntry.workspace_id == workspace_id))
        )
    result.lost += [entry_id for entry_id in done if entry_id not in there]
    if done and (fault := factories.verify_workspace(database, workspace_id).fault):
        result.faults.append(fault)
    database.engine.dispose()
