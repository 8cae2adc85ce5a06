"""A disk that is full: acts are refused for the moment, nothing is half done, reading goes on.

The database lies on a small file system in memory where one may be mounted (that takes root);
elsewhere the server may write no file beyond a size, which SQLite meets in the same places.
"""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

SIZE_BYTES = 12 << 20
PIECE_BYTES = 4096


class Room(Protocol):
    """Where the database lies."""

    folder: Path

    def fill(self, server_id: int) -> None:
        """Leave no room."""

    def free(self, server_id: int) -> None:
        """Make room again."""


class SmallDisk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, server_id: int) -> None:  # noqa: ARG002 - as the other one needs it
        with suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while True:
                filler.write(b"\0" * PIECE_BYTES)

    def free(self, server_id: int) -> None:  # noqa: ARG002 - as the other one needs it
        self._filler.unlink()


class _ShortFiles:
    """A limit of the server's process: no file may grow beyond what the largest has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, server_id: int) -> None:
        largest = max(each.stat().st_size for each in self.folder.glob("*-wal"))
        self._limit(server_id, largest)

    def free(self, server_id: int) -> None:
        self._limit(server_id, resource.RLIM_INFINITY)

    @staticmethod
    def _limit(server_id: int, size: int) -> None:
        _, hard = resource.prlimit(server_id, resource.RLIMIT_FSIZE)
        resource.prlimit(server_id, resource.RLIMIT_FSIZE, (size, hard))


@contextmanager
def small_room(folder: Path, size_bytes: int = SIZE_BYTES) -> Iterator[Room]:
    """Give a place with little room, and take it away again."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words
    except (OSError, subprocess.CalledProcessError):
        yield _ShortFiles(folder)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607
