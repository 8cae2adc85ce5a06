"""The running guide names files, commands and settings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from app.cli.commands import Commands

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "running.md"
FILES = ROOT / "docs" / "running"


def test_every_file_beside_the_guide_is_named_in_it() -> None:
    text = GUIDE.read_text("utf-8")
    for path in FILES.iterdir():
        word = path.name.partition("@")[0].partition(".")[0]
        assert word in text, path.name


@pytest.mark.parametrize("path", sorted(FILES.glob("*.service")), ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_there_is(path: Path) -> None:
    found = re.search(
        r"^ExecStart=\S+/flask --app wsgi (.*)$", path.read_text("utf-8"), re.MULTILINE
    )
    assert found, path.name
    _check_words(found.group(1).split())


@pytest.mark.parametrize("path", sorted(FILES.glob("*.service")), ids=lambda path: path.name)
def test_no_process_reaches_what_it_does_not_need(path: Path) -> None:
    text = path.read_text("utf-8")
    (kept_out,) = re.findall(r"^InaccessiblePaths=(.*)$", text, re.MULTILINE)
    (folder,) = re.findall(r"^WorkingDirectory=(.*)$", text, re.MULTILINE)

    assert kept_out.split() == [f"-{folder}/{name}" for name in (".git", "tests", "bench")]


def test_nothing_of_the_product_reaches_for_what_is_kept_out() -> None:
    for path in (ROOT / "app").rglob("*.py"):
        code = path.read_text("utf-8")
        assert not re.search(r"^\s*(from|import) (tests|bench)\b", code, re.MULTILINE), path


def test_every_command_of_the_guides_is_one() -> None:
    checked = 0
    for path in (GUIDE, ROOT / "docs" / "scaling.md", ROOT / "README.md"):
        for line in path.read_text("utf-8").splitlines():
            found = re.match(r" +(?:.*flask --app wsgi|regulars) ([a-z].*)$", line)
            if found:
                _check_words(found.group(1).split())
                checked += 1
    assert checked > 15


def test_every_setting_of_the_guide_is_one() -> None:
    code = (ROOT / "app" / "config.py").read_text("utf-8")
    for path in (GUIDE, ROOT / "docs" / "scaling.md", *FILES.iterdir()):
        for name in re.findall(r"REGULARS_[A-Z_]+", path.read_text("utf-8")):
            assert f'"{name}"' in code, (path.name, name)


def _check_words(words: list[str]) -> None:
    """Follow the words of a command to their end; each option has to be one of it."""
    command: click.Command | None = Commands("regulars")
    context = click.Context(click.Command("flask"))
    while words and isinstance(command, click.Group):
        command = command.get_command(context, words[0])
        assert command is not None, words
        words = words[1:]
    assert isinstance(command, click.Command)
    known = {name for each in command.params for name in each.opts}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, (command.name, word)
