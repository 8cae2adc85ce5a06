"""`make bench`: measures, prints, and writes the report to docs/figures.md."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import admins, counter, hot_path, http, memory, pages, scaling, services
from bench.measuring import machine

REPORT = Path(__file__).resolve().parent.parent / "docs" / "figures.md"

SECTIONS = {
    "hot_path": hot_path.run,
    "services": services.run,
    "http": http.run,
    "counter": counter.run,
    "pages": pages.run,
    "scaling": scaling.run,
    "memory": memory.run,
    "admins": admins.run,
}


def main(words: list[str]) -> int:
    """Run all sections, or those named; only a whole run is written down."""
    chosen = words or list(SECTIONS)
    if unknown := set(chosen) - set(SECTIONS):
        print(f"No such section: {', '.join(unknown)}. There are {', '.join(SECTIONS)}.")
        return 2
    parts = ["# Figures", "", f"Written by `make bench`. {machine()}.", ""]
    parts.append("Rates depend on the machine; the ratios were measured side by side in one run.\n")
    parts += [SECTIONS[name]() for name in chosen]
    report = "\n".join(parts)
    print(report)
    if not words:
        REPORT.write_text(report.rstrip() + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
