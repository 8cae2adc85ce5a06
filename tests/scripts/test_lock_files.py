"""Each library has one version and its hash, and comes from nowhere but the registries."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LISTS = sorted((ROOT / "requirements").glob("*.txt"))

PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([0-9][0-9a-z.+!]*)(?: ;[^\\]*)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
INTEGRITY = re.compile(r"sha512-[A-Za-z0-9+/]{86}==")


def entries(path: Path) -> list[list[str]]:
    """Give each entry of a list: what is pinned, and its hashes."""
    lines = [
        line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")
    ]
    joined = "\n".join(lines).replace("\\\n", "\0")
    return [[part.strip() for part in entry.split("\0")] for entry in joined.split("\n")]


def pinned(path: Path) -> dict[str, str]:
    """Give the version of each library of a list."""
    found = {}
    for pin, *_ in entries(path):
        match = PIN.fullmatch(pin)
        assert match, pin
        found[match.group(1)] = match.group(2)
    return found


def test_there_are_lists_for_running_and_for_all_else() -> None:
    assert {"run.txt", "dev.txt"} <= {path.name for path in LISTS}
    assert len(pinned(ROOT / "requirements" / "run.txt")) > 30


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_each_library_has_one_version_and_its_hashes(path: Path) -> None:
    for pin, *hashes in entries(path):
        # Whatever is neither a pin nor a hash would be an address, another index, or a file.
        assert PIN.fullmatch(pin), pin
        assert hashes, pin
        assert [each for each in hashes if not HASH.fullmatch(each)] == [], pin


@pytest.mark.parametrize(
    ("line", "is_good"),
    [
        ("flask==3.1.3", True),
        ("colorama==0.4.6 ; sys_platform == 'win32'", True),
        ("flask>=3.1.3", False),
        ("flask", False),
        ("flask @ https://example.com/flask.whl", False),
        ("--index-url https://example.com/simple", False),
        ("-e ../flask", False),
        ("https://example.com/flask.whl", False),
    ],
)
def test_a_pin_is_told_from_what_is_none(line: str, is_good: bool) -> None:
    assert bool(PIN.fullmatch(line)) == is_good


def test_what_the_project_asks_for_is_in_the_lists_at_that_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    asked = {"run": project["project"]["dependencies"], **project["dependency-groups"]}
    for name, wanted in asked.items():
        listed = pinned(ROOT / "requirements" / f"{name}.txt")
        for each in wanted:
            library, _, version = re.sub(r"\[.*\]", "", each).partition("==")
            assert listed[library] == version, each


def test_each_package_of_the_browser_has_one_version_and_its_hash() -> None:
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text("utf-8"))
    root = lock["packages"].pop("")

    assert lock["lockfileVersion"] == 3
    for kind in ("dependencies", "devDependencies"):
        assert root[kind] == package[kind]
    assert len(lock["packages"]) >= 10
    for name, found in lock["packages"].items():
        check_package(name, found)
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert lock["packages"][f"node_modules/{name}"]["version"] == version


def check_package(name: str, found: dict[str, Any]) -> None:
    """Check that a package can be no other one, and says of no place that it comes from there."""
    assert name.startswith("node_modules/"), name
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:-[\w.]+)?", found["version"]), name
    assert INTEGRITY.fullmatch(found["integrity"]), name
    assert not {"resolved", "link"} & found.keys(), name
    wanted = [found.get(kind, {}) for kind in ("dependencies", "optionalDependencies")]
    asked = [version for each in wanted for version in each.values()]
    assert [version for version in asked if "/" in version or ":" in version] == [], name


def test_whatever_installs_them_asks_for_the_hashes() -> None:
    """These lines alone get libraries; the `ci` of npm takes what the lock has, or nothing."""
    found = {}
    for path in (ROOT / "Makefile", *sorted((ROOT / "scripts").glob("*.py"))):
        text = re.sub(r'[\[\]",]', " ", path.read_text("utf-8"))
        found[path.name] = {
            "pip": len(re.findall(r"\bpip +install\b", text)),
            "hashes": text.count("--require-hashes"),
            "npm install": len(re.findall(r"\bnpm +install\b(?! +--package-lock-only)", text)),
        }

    counts = {name: each for name, each in found.items() if any(each.values())}
    assert counts == {
        "Makefile": {"pip": 1, "hashes": 1, "npm install": 0},
        "install.py": {"pip": 2, "hashes": 2, "npm install": 0},
    }
