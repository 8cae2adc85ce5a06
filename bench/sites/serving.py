"""One product in a process of its own: a line in is a path, a line out is what came of it."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from werkzeug.test import Client

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Order:
    """What a product is to show.

    Attributes:
        url: the database, as SQLAlchemy writes it.
        folder: where the product may keep files of its own.
        counts: whether lists say how many rows there are in all; Regulars takes no notice.
    """

    url: str
    workspace_id: str
    folder: str
    page_rows: int
    activity_rows: int
    counts: bool = True


@dataclass(frozen=True)
class Answer:
    """One page, and the seconds from the request to its last byte."""

    seconds: float
    status: int
    body: str


def serve(open_site: Callable[[Order], Client]) -> None:
    """Answer the paths that come in, until no more come."""
    # What a product prints must not stand among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    client = open_site(Order(**json.loads(sys.argv[1])))
    # As wsgi.py does for Regulars.
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(asdict(_get(client, line.rstrip("\n")))), file=answers, flush=True)


def _get(client: Client, path: str) -> Answer:
    began = time.perf_counter()
    response = client.get(path)
    body = response.get_data()
    seconds = time.perf_counter() - began
    response.close()
    return Answer(seconds, response.status_code, body.decode())


class Site:
    """A product that runs in another process."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self._log = process, log

    def get(self, path: str) -> Answer:
        """Ask for a page.

        Raises:
            RuntimeError: the process has ended; the message holds its last words.
        """
        asking, answering = self._process.stdin, self._process.stdout
        assert asking is not None  # noqa: S101 - it was started so
        assert answering is not None  # noqa: S101
        try:
            print(path, file=asking, flush=True)
            line = answering.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(self.last_words())
        return Answer(**json.loads(line))

    def last_words(self) -> str:
        """Give the end of what the product has printed."""
        return self._log.read_text("utf-8")[-2000:]


@contextmanager
def started(module: str, order: Order) -> Iterator[Site]:
    """Run the product of a module for the length of the block."""
    log = Path(order.folder) / "log"
    with log.open("w", encoding="utf-8") as printed:
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", module, json.dumps(asdict(order))],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
            encoding="utf-8",
        )
    try:
        yield Site(process, log)
    finally:
        process.kill()
        # What it has not read by now it never will.
        with suppress(BrokenPipeError):
            process.__exit__(None, None, None)
