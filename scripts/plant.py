"""Plants each fault of tests/faults in a copy of the tree and says whether its test turned red.

A patch is named after the test that must see it. The tests run on PostgreSQL, where a missing lock
shows. Run it with `.venv/bin/python -m scripts.plant`; words narrow it to the faults that have one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FAULTS = ROOT / "tests" / "faults"
COPIED = ("app", "templates", "static", "tests", "scripts", "clients", "pyproject.toml", "wsgi.py")

TRIES = 3
"""A race is a matter of luck: a fault that is not seen at once may be seen at the next try."""

TIMEOUT_SECONDS = 300

GREEN, RED, NOTHING_RUN = 0, 1, 5
"""What pytest answers with; other numbers mean that it could not run at all."""


@dataclass(frozen=True)
class Result:
    """What became of one fault: in words, at which try, and how long it took."""

    fault: str
    words: str
    tries: int
    seconds: float

    @property
    def was_seen(self) -> bool:
        """Whether the test was green without the fault and red with it."""
        return self.words == "red"


def copy_tree(folder: Path) -> None:
    """Copy what the tests need into a folder."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(ROOT / name, folder / name)


def apply(patch: Path, folder: Path, *, backwards: bool = False) -> None:
    """Put a fault into the copy, or take it out.

    Raises:
        CalledProcessError: the patch does not fit the tree any more.
    """
    options = ["--reverse"] if backwards else []
    subprocess.run(["git", "apply", *options, str(patch)], cwd=folder, check=True)


def fits(patch: Path) -> bool:
    """Say whether a fault fits the tree as it is."""
    command = ["git", "apply", "--check", str(patch)]
    return subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == 0


def run_test(name: str, folder: Path) -> int:
    """Run the test of that name on PostgreSQL and give pytest's answer.

    A dash parts the test from the parameter that narrows it.
    """
    chosen = " and ".join([*name.split("-"), "not sqlite"])
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    try:
        return subprocess.run(
            [*command, "tests/services", "tests/api", "tests/worker", "tests/proof", "-k", chosen],
            cwd=folder,
            check=False,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
        ).returncode
    except subprocess.TimeoutExpired:
        # A test that hangs has seen the fault as well.
        return RED


def plant(patch: Path, folder: Path) -> Result:
    """See one test green, then red with its fault in."""
    started = time.monotonic()
    answer = run_test(patch.stem, folder)
    words, tries = {NOTHING_RUN: "no such test"}.get(answer, "red without the fault"), 0
    if answer == GREEN:
        apply(patch, folder)
        answer = GREEN
        while answer == GREEN and tries < TRIES:
            tries += 1
            answer = run_test(patch.stem, folder)
        apply(patch, folder, backwards=True)
        words = {GREEN: "STILL GREEN", RED: "red"}.get(answer, "could not run")
    return Result(patch.stem, words, tries, time.monotonic() - started)


def main(words: list[str]) -> int:
    """Plant the faults whose names hold one of the words (all, without words); print a table."""
    patches = [
        each
        for each in sorted(FAULTS.glob("*.patch"))
        if not words or any(word in each.stem for word in words)
    ]
    results = []
    with tempfile.TemporaryDirectory(prefix="regulars-plant-") as name:
        folder = Path(name)
        copy_tree(folder)
        for patch in patches:
            result = plant(patch, folder)
            print(f"{result.words:22} try {result.tries} {result.seconds:6.1f} s  {result.fault}")
            results.append(result)
    return 0 if results and all(result.was_seen for result in results) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
