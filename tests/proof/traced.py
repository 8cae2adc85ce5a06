"""Acts of the product on SQLite, with everything written down that SQLite asks of the disk.

Run as a program of its own, since SQLite's way to the disk is changed for the whole process: it
registers a VFS that is the usual one but for opening, writing, truncating, syncing and deleting.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import pickle
import random
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from app.db.database import Database
from app.errors import RegularsError
from app.rules.ledger import Entry
from tests import factories
from tests.cast import Cast

OK = 0
MAIN_DB, WAL = 0x100, 0x80000
"""The kinds of files that survive a power cut; the index of the log is made anew."""


@dataclass(frozen=True)
class Step:
    """What was asked of the disk, or what the product had acknowledged by then.

    Attributes:
        what: `write`, `truncate`, `sync`, `delete` or `done`.
        file: the file's name.
        at: where is written, or the size after truncating.
        data: the bytes that are written.
        entry_id: the ledger entry of an act that is done.
    """

    what: str
    file: str = ""
    at: int = 0
    data: bytes = b""
    entry_id: str = ""


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, of whatever version: what follows is copied as it is."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("truncate", ctypes.c_void_p),
        ("sync", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 13),
    )


class _File(ctypes.Structure):
    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("delete", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 14),
    )


_FilePointer = ctypes.POINTER(_File)
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    _FilePointer,
    ctypes.c_int,
    ctypes.c_void_p,
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)


class Tracer:
    """Writes down what SQLite asks of the disk, in order, for all connections of the process."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []
        self._methods: dict[int, _Methods] = {}
        library = _library()
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        usual = library.sqlite3_vfs_find(None).contents
        self._open, self._delete = _OPEN(usual.open), _DELETE(usual.delete)
        self._vfs = _Vfs.from_buffer_copy(usual)
        self._vfs.name = b"traced"
        self._vfs.open = self._callback(_OPEN(self._on_open))
        self._vfs.delete = self._callback(_DELETE(self._on_delete))
        if library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1) != OK:
            raise RuntimeError("SQLite takes no VFS.")

    def _callback(self, function: Any) -> int | None:
        # Whoever is called by C must not be collected by Python.
        self._kept.append(function)
        return ctypes.cast(function, ctypes.c_void_p).value

    def _on_open(self, vfs: int, name: int, file: Any, flags: int, out_flags: int) -> int:
        code = self._open(vfs, name, file, flags, out_flags)
        if code == OK and flags & (MAIN_DB | WAL) and name:
            address = ctypes.cast(file, ctypes.c_void_p).value or 0
            self._names[address] = Path(ctypes.string_at(name).decode()).name
            usual = file.contents.methods
            file.contents.methods = ctypes.pointer(self._traced(usual))
        return int(code)

    def _traced(self, usual: Any) -> _Methods:
        """Give the methods of a kind of file with ours in place of three."""
        address = ctypes.addressof(usual.contents)
        if address not in self._methods:
            traced = _Methods.from_buffer_copy(usual.contents)
            write, truncate = _WRITE(traced.write), _TRUNCATE(traced.truncate)
            sync = _SYNC(traced.sync)

            def on_write(file: int, data: int, size: int, at: int) -> int:
                step = Step("write", self._names[file], at, ctypes.string_at(data, size))
                self.steps.append(step)
                return int(write(file, data, size, at))

            def on_truncate(file: int, size: int) -> int:
                self.steps.append(Step("truncate", self._names[file], size))
                return int(truncate(file, size))

            def on_sync(file: int, flags: int) -> int:
                code = int(sync(file, flags))
                self.steps.append(Step("sync", self._names[file]))
                return code

            traced.write = self._callback(_WRITE(on_write))
            traced.truncate = self._callback(_TRUNCATE(on_truncate))
            traced.sync = self._callback(_SYNC(on_sync))
            self._methods[address] = traced
        return self._methods[address]

    def _on_delete(self, vfs: int, name: bytes, sync_folder: int) -> int:
        self.steps.append(Step("delete", Path(name.decode()).name))
        return int(self._delete(vfs, name, sync_folder))


def _library() -> Any:
    """Give the very library that the sqlite3 module uses, linked to it or built into Python."""
    return ctypes.CDLL(getattr(_sqlite3, "__file__", None))


def act(cast: Cast, count: int, done: Callable[[str], None]) -> None:
    """Do so many acts one after the other, telling each entry once it is acknowledged."""
    dice = random.Random(count)  # noqa: S311 - the same acts each time
    people = [factories.enrol(cast, f"Member {number}") for number in range(5)]
    reward = factories.make_reward(cast, points_cost=20)
    entries: list[Entry] = []
    for _ in range(count):
        member = dice.choice(people)
        try:
            if dice.random() < 0.2:
                factories.redeem(cast, member, reward)
            elif entries and dice.random() < 0.2:
                done(factories.reverse(cast, entries.pop()).id)
            else:
                entries.append(factories.award(cast, member, dice.randint(1, 50)))
                done(entries[-1].id)
        except RegularsError:
            continue


def main(file: str, count: str, into: str) -> None:
    """Act on a migrated database, and keep the steps and how the file was before them."""
    before = Path(file).read_bytes()
    tracer = Tracer()
    database = Database(f"sqlite:///{file}")
    cast = factories.make_cast(database)
    act(cast, int(count), lambda entry_id: tracer.steps.append(Step("done", entry_id=entry_id)))
    with Path(into).open("wb") as kept:
        # As tuples: this module has another name where they are read.
        pickle.dump((before, cast.workspace_id, [*map(astuple, tracer.steps)]), kept)
    database.engine.dispose()


if __name__ == "__main__":
    main(*sys.argv[1:])
