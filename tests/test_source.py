"""What the code must not contain; each rule is shown to see what it forbids.

What can be tried by a request is tried there; here stands what only the code can tell.
"""

from __future__ import annotations

import ast
import json
import re
import string
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from app.sandbox.names import CULTURES

Kind = TypeVar("Kind", bound=ast.AST)

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
SCRIPTS = ROOT / "static"

RUNS_TEXT = ("S102", "S307", "S301", "S302", "S506", "S701")
"""Ruff's rules about exec, eval, pickle, marshal, YAML's objects, and Jinja without escaping."""

STARTS_PROGRAMS = ("S602", "S603", "S604", "S605", "S606", "S607", "S609")
"""Ruff's rules about programs of the system, with a shell and without."""

FORBIDDEN = {
    "S102": "exec(text)",
    "S307": "eval(text)",
    "S301": "import pickle\npickle.loads(text)",
    "S302": "import marshal\nmarshal.loads(text)",
    "S506": "import yaml\nyaml.load(text)",
    "S701": "import jinja2\njinja2.Environment(autoescape=False)",
    "S602": "import subprocess\nsubprocess.run(text, shell=True)",
    "S603": "import subprocess\nsubprocess.run([text])",
    "S605": "import os\nos.system(text)",
    "S606": "import os\nos.execl(text, text)",
}
"""Lines that `make check` stops at, by the rule that does."""


def test_the_linter_stops_at_code_that_runs_text_or_programs() -> None:
    assert set(FORBIDDEN) <= {*RUNS_TEXT, *STARTS_PROGRAMS}
    for rule, lines in FORBIDDEN.items():
        assert rule in found_by_ruff("--stdin-filename", "app/x.py", "-", lines=lines), rule
    assert not {*RUNS_TEXT, *STARTS_PROGRAMS} & {
        *found_by_ruff("--stdin-filename", "app/x.py", "-", lines="re.compile(text)")
    }


def test_no_code_runs_text_not_even_where_the_linter_is_told_to_look_away() -> None:
    selected = ",".join(RUNS_TEXT)

    assert found_by_ruff("--ignore-noqa", "--select", selected, "app", "wsgi.py") == []
    assert calls_of({"eval", "exec", "compile", "__import__", "execfile"}) == []
    assert importers_of({"pickle", "marshal", "shelve", "yaml", "runpy", "code", "ctypes"}) == set()


def test_one_place_starts_programs_by_words_and_without_a_shell() -> None:
    selected = ",".join(STARTS_PROGRAMS)

    assert found_by_ruff("--ignore-noqa", "--select", selected, "app", "wsgi.py") == ["S603"]
    assert importers_of({"subprocess", "pty", "commands"}) == {"app/cli/backup.py"}
    (call,) = [
        node
        for node in ast.walk(parsed(APP / "cli" / "backup.py"))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess.")
    ]
    assert ast.unparse(call.func) == "subprocess.run"
    assert ast.unparse(call.args[0]) == "words"
    assert {each.arg for each in call.keywords} == {"env", "capture_output", "text", "check"}


def found_by_ruff(*arguments: str, lines: str = "") -> list[str]:
    """List the rules that ruff finds broken, as the repository sets it up."""
    done = subprocess.run(  # noqa: S603 - the repository's own linter
        [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=json", *arguments],
        cwd=ROOT,
        input=f"text = input()\n{lines}\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return [str(each["code"]) for each in json.loads(done.stdout) if each["code"] is not None]


FORMATS = {"format", "format_map", "vformat"}
"""Methods that fill a text in, and could be led from there to any attribute."""


def test_no_text_from_outside_is_a_format_string() -> None:
    literal: list[tuple[str, str]] = []
    other: list[tuple[str, str]] = []
    for path, node in calls():
        if isinstance(node.func, ast.Attribute) and node.func.attr in FORMATS:
            kind = literal if is_literal(node.func.value) else other
            kind.append((path, ast.unparse(node.func.value)))

    assert len(literal) >= 3
    # The made-up people of the sandbox have names of several forms.
    assert other == [("app/sandbox/seeding.py", "culture.form")]
    named = [field for each in CULTURES for _, field, _, _ in string.Formatter().parse(each.form)]
    assert set(named) <= {"first", "last", None}
    assert [
        (path, ast.unparse(node))
        for path, node in nodes(ast.BinOp)
        if isinstance(node.op, ast.Mod)
        and not is_literal(node.left)
        and isinstance(node.right, ast.Tuple | ast.Dict)
    ] == []
    assert importers_of({"gettext"}) == set()
    assert calls_of({"Template", "format"}) == []


@pytest.mark.parametrize(
    ("line", "is_forbidden"),
    [
        ("'{}'.format(x)", False),
        ("Markup('<b>{}</b>').format(x)", False),
        ("text.format(x)", True),
        ("f'{text}'.format(x)", True),
        ("('{}' + text).format(x)", True),
        ("Markup(text).format(x)", True),
    ],
)
def test_a_format_string_is_told_from_a_literal(line: str, is_forbidden: bool) -> None:
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Attribute)

    assert is_literal(call.func.value) != is_forbidden


def is_literal(node: ast.expr) -> bool:
    """Say whether a text is a constant of the code, or the mark-up of one."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Markup":
        return len(node.args) == 1 and is_literal(node.args[0])
    return isinstance(node, ast.Constant)


POLLUTES = re.compile(
    r"""__proto__|\.prototype\b|\bconstructor\b|__define[GS]etter__
    |\bObject\s*\.\s*(?:assign|defineProperty|defineProperties|setPrototypeOf|fromEntries)
    |\bReflect\b|\bJSON\s*\.\s*parse|structuredClone|\$\.extend|\b(?:deep)?[mM]erge\w*\(
    |\{[^{}\n]*\.\.\.""",
    re.VERBOSE,
)
"""What reaches, or merges something into, what all objects share."""

RUNS_IN_BROWSER = re.compile(
    r"""\beval\b|\bFunction\s*\(|\bset(?:Timeout|Interval)\(\s*["'`]|\.(?:inner|outer)HTML\b
    |insertAdjacentHTML|document\s*\.\s*write|createContextualFragment|DOMParser|\bsrcdoc\b
    |javascript:|\bimport\s*\(""",
    re.VERBOSE,
)
"""What makes code or HTML of a text."""

SET_BY_NAME = re.compile(r"[\w.]+(?:\[[^\]\n]+\])+\s*(?:=(?![=>])|\?\?=|\|\|=|\+=)[^;\n]*")

SAMPLES = (
    "x.__proto__.y = 1",
    "Object.assign(x, JSON.parse(text))",
    "const y = { ...x }",
    "deepMerge(x, y)",
    "Reflect.set(x, y, 1)",
)
RUNNING_SAMPLES = (
    "eval(text)",
    "new Function(text)",
    "setTimeout('x()', 1)",
    "x.innerHTML = text",
    "x.insertAdjacentHTML('beforeend', text)",
    "document.write(text)",
)


OPENS_THE_LEDGER = re.compile(
    r"drop\s+trigger|disable\s+trigger|session_replication_role|writable_schema", re.IGNORECASE
)
"""Statements that would let an entry of the ledger or of the audit log be changed."""

DROPS_TRIGGERS = {
    "app/migrations/distributing.py": "Citus has none; grants stand in for them",
    "app/migrations/versions/0009_the_till.py": "made again for the table's new columns",
}


def test_no_code_but_migrations_drops_a_trigger() -> None:
    shipped = [*APP.rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix()
        for path in shipped
        if OPENS_THE_LEDGER.search(path.read_text("utf-8"))
    }

    assert found == set(DROPS_TRIGGERS)


def test_no_script_merges_what_it_is_told_into_objects() -> None:
    assert [each for each in SAMPLES if not POLLUTES.search(each)] == []
    assert SET_BY_NAME.search("x[y][z] = 1")
    assert {name: POLLUTES.findall(text) for name, text in scripts()} == {
        name: [] for name, _ in scripts()
    }
    assert [SET_BY_NAME.findall(text) for _, text in scripts()] == [[] for _ in scripts()]


def test_no_script_makes_code_or_html_of_a_text() -> None:
    assert [each for each in RUNNING_SAMPLES if not RUNS_IN_BROWSER.search(each)] == []
    assert {name: RUNS_IN_BROWSER.findall(text) for name, text in scripts()} == {
        name: [] for name, _ in scripts()
    }


def scripts() -> list[tuple[str, str]]:
    """List our scripts, without their comments."""
    return [
        (path.name, re.sub(r"^\s*//.*$", "", path.read_text("utf-8"), flags=re.MULTILINE))
        for path in sorted(SCRIPTS.glob("*.js"))
    ]


@cache
def parsed(path: Path) -> ast.Module:
    """Read a file of the code."""
    return ast.parse(path.read_text("utf-8"))


def nodes(kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """Go through all places of one kind in the code, each with its file."""
    for path in sorted([*APP.rglob("*.py"), ROOT / "wsgi.py"]):
        for node in ast.walk(parsed(path)):
            if isinstance(node, kind):
                yield path.relative_to(ROOT).as_posix(), node


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Go through all calls."""
    return nodes(ast.Call)


def calls_of(names: set[str]) -> list[tuple[str, str]]:
    """List the calls of functions by their plain names or as those of `builtins`."""
    wanted = names | {f"builtins.{name}" for name in names}
    return [(path, ast.unparse(node)) for path, node in calls() if ast.unparse(node.func) in wanted]


def importers_of(modules: set[str]) -> set[str]:
    """Name the files that import any of these modules."""
    found = set()
    for path, node in nodes(ast.AST):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if modules & {name.partition(".")[0] for name in names}:
            found.add(path)
    return found
