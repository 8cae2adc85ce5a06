"""A PostgreSQL server of the tests' own: private, empty, and gone with the process that started it.

It listens on a socket in a private folder and on no port. Nothing here knows about pytest.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from scripts.test_servers import WHEEL_PACKAGE, find_postgres

SUPERUSER = "postgres"

# A socket's whole path may have 107 bytes on Linux and 103 on macOS; PostgreSQL adds 15 of them.
LONGEST_FOLDER_BYTES = 85

# Nothing survives the tests, so nothing is ever flushed to the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "jit": "off",
    "listen_addresses": "",
    "log_min_messages": "warning",
    "autovacuum": "off",
}

START_TIMEOUT_SECONDS = 30.0
STOP_TIMEOUT_SECONDS = 10.0
POLL_SECONDS = 0.02
RELAUNCH_SECONDS = 0.1

# Runs the server ("$@") until standard input ends, then stops it and removes its folder ("$0").
# The other end of that pipe is held by the tests: even when they are killed outright, it closes.
# A server that was killed is waited for at once: until then, the dead process holds its lock file.
SUPERVISOR = """
exec 3<&0
"$@" 3<&- &
server=$!
{ read -r _ <&3; kill -INT "$server" 2>/dev/null; } &
reader=$!
wait "$server"
wait "$reader"
rm -rf "$0"
"""


class ServerError(Exception):
    """The server could not be started; the message holds its own words."""


@dataclass(frozen=True)
class Server:
    """A running server."""

    folder: Path
    """Holds the socket, the data and the log; private to the server's user."""

    launch: Callable[[], None] = field(repr=False, compare=False)
    """Starts the server on its data."""

    def url(self, database: str) -> str:
        """SQLAlchemy's address of one database."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.folder}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Make a database, empty or as a copy of a template that nobody is connected to."""
        origin = sql.Identifier(template or "template1")
        # Copying files took 20 ms and writing them to the log, as is the default, 140 ms.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(statement.format(sql.Identifier(name), origin))

    def drop_database(self, name: str) -> None:
        """Remove a database and end the connections to it; does nothing when it is absent."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._execute(statement.format(sql.Identifier(name)))

    def rename_database(self, name: str, new_name: str) -> None:
        """Give a database that nobody is connected to another name."""
        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(new_name)))

    def kill(self) -> None:
        """Kill it outright (SIGKILL)."""
        os.kill(self._postmaster(), signal.SIGKILL)

    def start(self) -> None:
        """Start it on what a killed one left; it answers a moment later.

        Raises:
            ServerError: it would not start again.
        """
        killed, deadline = self._postmaster(), time.monotonic() + START_TIMEOUT_SECONDS
        while self._postmaster() == killed:
            # While one of the killed one's processes is left, a new server refuses to start.
            self.launch()
            time.sleep(RELAUNCH_SECONDS)
            if time.monotonic() > deadline:
                raise ServerError(_log(self.folder))

    def _postmaster(self) -> int:
        file = self.folder / "data" / "postmaster.pid"
        return int(file.read_text("ascii").partition("\n")[0])

    def _execute(self, statement: sql.Composed) -> None:
        # CREATE and DROP DATABASE refuse to run inside a transaction.
        with connect(self.folder, autocommit=True) as connection:
            connection.execute(statement)


def connect(
    folder: Path, *, database: str = "postgres", autocommit: bool = False
) -> psycopg.Connection:
    """Connect as the superuser, to the database that every server has if not to another."""
    return psycopg.connect(host=str(folder), user=SUPERUSER, dbname=database, autocommit=autocommit)


# --- The user -------------------------------------------------------------------------------------


def _find_unprivileged_user() -> pwd.struct_passwd | None:
    """The user to run as: None (ourselves) unless we are root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: user for user in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _popen(
    command: list[str], folder: Path, user: pwd.struct_passwd | None
) -> subprocess.Popen[bytes]:
    """Start a command in the folder as the user, saying what it says to the log.

    It gets a session of its own, so that an interrupt from the keyboard reaches only the tests.
    """
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            # The PG… variables of whoever runs the tests must not reach the server.
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )


# --- The server -----------------------------------------------------------------------------------


def _make_folder(parent: Path | None, user: pwd.struct_passwd | None) -> Path:
    """A new folder of the server's user. Not TMPDIR: on macOS that is too long for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="regulars-pg-", dir=parent or "/tmp"))  # noqa: S108
    if len(os.fsencode(folder)) > LONGEST_FOLDER_BYTES:
        folder.rmdir()
        raise ServerError(f"The path is too long for a socket: {folder}")
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _is_open_to_all(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _reachable(programs: Path, folder: Path, user: pwd.struct_passwd | None) -> Path:
    """The programs, or a copy of them if they lie where the user may not look (below /root).

    Raises:
        ServerError: such programs are not those of the wheel, which alone is known to bear moving.
    """
    if user is None or _is_open_to_all(programs):
        return programs
    package, inside = programs.parents[1], programs.relative_to(programs.parents[2])
    if package.name != WHEEL_PACKAGE:
        raise ServerError(f"The user {user.pw_name} may not enter {programs}")
    # The package finds its libraries in a folder beside it.
    for part in package.parent.glob(f"{WHEEL_PACKAGE}*"):
        shutil.copytree(part, folder / "programs" / part.name, symlinks=True)
    return folder / "programs" / inside


def _log(folder: Path) -> str:
    return (folder / "log").read_text("utf-8", errors="replace")


def _initialise(programs: Path, folder: Path, user: pwd.struct_passwd | None) -> None:
    """Make an empty cluster that trusts whoever can open its socket."""
    options = ["--auth=trust", "--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"]
    command = [str(programs / "initdb"), *options, f"--username={SUPERUSER}"]
    process = _popen([*command, f"--pgdata={folder / 'data'}"], folder, user)
    process.communicate()
    if process.returncode != 0:
        raise ServerError(_log(folder))


def _launch(
    programs: Path, folder: Path, user: pwd.struct_passwd | None, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the server under its supervisor."""
    command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    for name, value in {**SETTINGS, **settings}.items():
        command += ["-c", f"{name}={value}"]
    return _popen(["/bin/sh", "-c", SUPERVISOR, str(folder), *command], folder, user)


def _await_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            connect(folder).close()
        except psycopg.OperationalError:
            time.sleep(POLL_SECONDS)
        else:
            return
    raise ServerError(_log(folder))


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close the supervisor's input and wait until it has tidied up."""
    if process.stdin:
        process.stdin.close()
    process.wait(STOP_TIMEOUT_SECONDS)


@contextmanager
def start_standby(primary: Server) -> Iterator[Server]:
    """Run a hot standby of a server for the length of the block.

    The server needs `wal_level=replica` and a `max_wal_senders` of two or more.

    Raises:
        ServerError: its data could not be copied, or it would not start.
    """
    programs, user = find_postgres(), _find_unprivileged_user()
    assert programs is not None  # The primary came from there.
    folder = _make_folder(None, user)
    try:
        programs = _reachable(programs, folder, user)
        copy = _popen(
            [
                *(str(programs / "pg_basebackup"), "--write-recovery-conf", "--checkpoint=fast"),
                *("--host", str(primary.folder), "--username", SUPERUSER),
                *("--pgdata", str(folder / "data")),
            ],
            folder,
            user,
        )
        copy.communicate()
        if copy.returncode != 0:
            raise ServerError(_log(folder))
        # A standby refuses to run with less of either than its primary.
        settings = {"wal_level": "replica", "max_wal_senders": "4"}
        running = _launch(programs, folder, user, settings)
        try:
            _await_ready(running, folder)
            yield Server(folder, lambda: None)
        finally:
            _stop(running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def start_server(
    folder: Path | None = None, *, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a new server for the length of the block.

    Args:
        folder: where to make the server's own folder, /tmp if not given. Its path must be short,
            and open to an unprivileged user when the tests run as root.
        settings: what differs from `SETTINGS`.

    Raises:
        ServerError: no PostgreSQL on this machine, or it would not start.
    """
    programs = find_postgres()
    if programs is None:
        raise ServerError("No PostgreSQL found: run .venv/bin/python -m scripts.test_servers")
    user = _find_unprivileged_user()
    own_folder = _make_folder(folder, user)
    try:
        programs = _reachable(programs, own_folder, user)
        _initialise(programs, own_folder, user)
        launched: list[subprocess.Popen[bytes]] = []

        def launch() -> None:
            launched.append(_launch(programs, own_folder, user, settings or {}))

        launch()
        try:
            _await_ready(launched[0], own_folder)
            yield Server(own_folder, launch)
        finally:
            for process in reversed(launched):
                _stop(process)
    finally:
        # The supervisor has removed it already, unless it was never started.
        shutil.rmtree(own_folder, ignore_errors=True)
