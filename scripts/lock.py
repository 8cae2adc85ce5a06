"""Writes the lock files anew: requirements/*.txt and package-lock.json.

They record versions and hashes and no addresses, so that any package index serves.
Arguments go to `uv pip compile`: `make lock ARGS=--upgrade` takes the newest of what is not pinned.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from scripts.vendor import ROOT, get_node, run

REQUIREMENTS = ROOT / "requirements"
HEADER = "# Versions and hashes for every supported Python and platform. Written by `make lock`.\n"

# File name to what is locked in it. dev comes first, so that run takes over its versions.
TARGETS = {
    "dev": ("pyproject.toml", "--group", "dev"),
    "run": ("pyproject.toml", "--constraints", "requirements/dev.txt"),
    "uv": ("--group", "uv"),
    "node": ("--group", "node"),
    "postgres": ("--constraints", "requirements/dev.txt", "--group", "postgres"),
    "bench": ("--constraints", "requirements/dev.txt", "--group", "bench"),
}
OPTIONS = (
    *("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes"),
    *("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"),
)


class AddressError(Exception):
    """A lock file holds a download address."""


def _refuse_addresses(file: Path) -> None:
    if "://" in file.read_text("utf-8"):
        raise AddressError(file)


def lock_python(name: str, extra: list[str]) -> None:
    """Write one requirements file."""
    file = REQUIREMENTS / f"{name}.txt"
    output = str(file.relative_to(ROOT))
    command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *TARGETS[name], *extra]
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
    subprocess.run(
        [*command, "--output-file", output],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    file.write_text(HEADER + file.read_text("utf-8"), "utf-8")
    _refuse_addresses(file)


def lock_npm() -> None:
    """Write package-lock.json without the addresses that packages name for donations."""
    node = get_node()
    command = [node.npm, "install", "--package-lock-only", "--ignore-scripts", "--no-audit"]
    run(command, node, failure="npm could not resolve package.json. It said:")
    file = ROOT / "package-lock.json"
    lock = json.loads(file.read_text("utf-8"))
    for package in lock["packages"].values():
        package.pop("funding", None)
    file.write_text(json.dumps(lock, indent=2, ensure_ascii=False) + "\n", "utf-8")
    _refuse_addresses(file)


def main() -> None:
    """Write all lock files."""
    for name in TARGETS:
        lock_python(name, sys.argv[1:])
    lock_npm()


if __name__ == "__main__":
    main()
