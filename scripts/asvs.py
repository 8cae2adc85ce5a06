"""Writes docs/asvs.toml into the tables of docs/security.md: `python -m scripts.asvs`."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "security.md"
DATA = ROOT / "docs" / "asvs.toml"

HEADING = "## ASVS 5.0, levels 1 and 2\n"
"""From here on the page is written by this script."""

COLUMNS_MAX = 120
"""How wide the paragraphs of the pages are."""

Data = dict[str, Any]


def read() -> list[Data]:
    """Return the standard's chapters: `title`, `requirements`, `left_out`."""
    chapters: list[Data] = tomllib.loads(DATA.read_text("utf-8"))["chapters"]
    return chapters


def kind_of(requirement: Data) -> str:
    """Return how a requirement is met: `in part`, `operator`, `tested` or `untested`."""
    if "missing" in requirement:
        return "in part"
    if requirement.get("is_operators"):
        return "operator"
    return "tested" if requirement.get("tests") else "untested"


def rendered(page: str, chapters: list[Data]) -> str:
    """Return the page with the tables of the chapters."""
    before, found, _ = page.partition(HEADING)
    if not found:
        raise SystemExit(f"{PAGE} has lost its heading: {HEADING}")
    parts = [_summary(chapters), *map(_chapter, chapters), _open_points(chapters)]
    return before + found + "\n" + "\n".join(parts)


def _requirements(chapters: list[Data]) -> Iterator[Data]:
    for chapter in chapters:
        yield from chapter.get("requirements", [])


def _summary(chapters: list[Data]) -> str:
    kinds = [kind_of(each) for each in _requirements(chapters)]
    left_out = sum(len(part["ids"]) for each in chapters for part in each.get("left_out", []))
    return _paragraph(
        f"Of {len(kinds) + left_out} requirements {kinds.count('tested')} are met with a test, "
        f"{kinds.count('untested') or 'none'} without one, {kinds.count('in part')} are not met or "
        f"only in part, {kinds.count('operator')} are the operator's, and {left_out} do not apply. "
        "The tables are written by `python -m scripts.asvs` from [asvs.toml](asvs.toml)."
    )


def _chapter(chapter: Data) -> str:
    parts = [f"### {chapter['title']}\n"]
    if rows := chapter.get("requirements"):
        cells = [[_name(row), row["asks"], row["how"], _tests(row)] for row in rows]
        parts.append(_table(["ASVS", "What it asks", "How it is met", "Test"], cells))
    left_out = [f"{', '.join(part['ids'])} ({part['why']})" for part in chapter.get("left_out", [])]
    parts.append(_paragraph(f"Does not apply: {'; '.join(left_out) or 'nothing'}."))
    return "\n".join(parts)


def _open_points(chapters: list[Data]) -> str:
    cells = [
        [_name(each), each["missing"], each["why"]]
        for each in _requirements(chapters)
        if kind_of(each) == "in part"
    ]
    return (
        "## Not met, and why\n\nNot met, or only in part. The last column gives the reason.\n\n"
        + _table(["ASVS", "What is missing", "Why"], cells)
    )


def _name(requirement: Data) -> str:
    return f"{requirement['id']} (L{requirement['level']})"


def _tests(requirement: Data) -> str:
    return ", ".join(f"`{name}`" for name in requirement.get("tests", [])) or "—"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _paragraph(text: str) -> str:
    wrapped = textwrap.fill(text, COLUMNS_MAX, break_long_words=False, break_on_hyphens=False)
    return f"{wrapped}\n"


def main() -> None:
    """Write the page."""
    PAGE.write_text(rendered(PAGE.read_text("utf-8"), read()), "utf-8")


if __name__ == "__main__":
    main()
