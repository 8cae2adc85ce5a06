"""Writing API requests down beside the requests, so that nobody waits for it.

What is not written yet is lost with the process: it is a log for people, and no truth hangs on it.
"""

from __future__ import annotations

import atexit
import json
import re
import threading
import time
from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import SQLAlchemyError

from app import clock
from app.db.database import Database
from app.http.keys import find_caller
from app.http.requests import request_id
from app.services.api_keys import keys, request_log

_EXTENSION = "regulars.request_log"

WRITE_SECONDS = 0.2
ROWS_MAX = 500
"""So many rows are written in one transaction."""

BODY_CHARACTERS_MAX = 4000
SHOWN = frozenset(
    {
        *("accountId", "customerId", "id", "programId", "rewardId", "transactionId", "source"),
        *("points", "pointsCost", "pointValue", "value", "stock", "perMemberLimit"),
        *("earnRate", "earnRounding", "multiplier"),
        *("type", "status", "tiers", "key", "threshold", "minTier", "startsAt", "endsAt"),
        *("currencyName", "timeZone", "enabledEvents"),
    }
)
"""What of a body holds no personal data. All else is masked, what nobody knows included."""

MASK = "•••"

_MAIL = re.compile(r"[^/\s@]+@[^/\s@]+")
"""Some shops use mail addresses as their customers' ids."""

Row = Mapping[str, Any]
"""A request by the columns of `ApiRequest`."""

_log = structlog.get_logger("regulars.request_log")


class RequestLog:
    """A queue of rows, and a thread that writes them; it starts with the first row."""

    def __init__(self, database: Database, *, writes_itself: bool) -> None:
        self._database = database
        self._writes_itself = writes_itself
        self._rows: SimpleQueue[Row] = SimpleQueue()
        self._starting = threading.Lock()
        self._writing = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, row: Row) -> None:
        """Take a row; it is written soon."""
        self._rows.put(row)
        with self._starting:
            if self._writes_itself and self._thread is None:
                # Not earlier: a server may fork between the app's making and its first request.
                self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
                self._thread.start()
                atexit.register(self.flush)

    def flush(self) -> None:
        """Write what has gathered."""
        with self._writing:
            while rows := self._gathered():
                self._write(rows)

    def _run(self) -> None:
        while True:
            time.sleep(WRITE_SECONDS)
            self.flush()

    def _gathered(self) -> list[Row]:
        rows: list[Row] = []
        while len(rows) < ROWS_MAX:
            try:
                rows.append(self._rows.get_nowait())
            except Empty:
                break
        return rows

    def _write(self, rows: list[Row]) -> None:
        try:
            with self._database.writing() as session:
                keys.note_use(session, key_ids=sorted({row["key_id"] for row in rows}))
                # Last, so that they wait for COMMIT and are written in bulk.
                request_log.record(session, rows=rows)
        except SQLAlchemyError as error:
            _log.error("request_log", error=type(error).__name__, lost_count=len(rows))


def install(app: Flask, database: Database) -> None:
    """Give the app its log; tests write it when they want to."""
    app.extensions[_EXTENSION] = RequestLog(database, writes_itself=not app.testing)


def log_of(app: Flask) -> RequestLog:
    """Give an app's log."""
    found: RequestLog = app.extensions[_EXTENSION]
    return found


def note(response: Response, *, error_code: str) -> None:
    """Write the request under way down, if it came with a good key."""
    caller = find_caller()
    if caller is None:
        return
    row = {
        "workspace_id": caller.workspace.id,
        "id": request_id(),
        "key_id": caller.key_id,
        "method": request.method,
        "path": _storable(_MAIL.sub(MASK, request.path)[:500]),
        "route": _route(),
        "status": response.status_code,
        "error_code": error_code,
        "duration_ms": round((time.perf_counter() - g.started_at) * 1000, 1),
        "idempotency_key": _storable(request.headers.get("Idempotency-Key", "")[:255]),
        "replayed": response.headers.get("Idempotent-Replayed", ""),
        "body": masked(g.get("json_body")),
        "recorded_at": clock.now(),
    }
    log_of(current_app).add(row)


def masked(body: object) -> str:
    """Write a JSON body without anything personal in it; "" for none."""
    if body is None:
        return ""
    text = json.dumps(_without_persons(body), ensure_ascii=False, indent=2)
    return _storable(text[:BODY_CHARACTERS_MAX])


def _without_persons(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_persons(inner) if key in SHOWN else _hidden(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_without_persons(inner) for inner in value]
    return _MAIL.sub(MASK, value) if isinstance(value, str) else value


def _hidden(value: Any) -> Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, MASK)
    return None if value is None else MASK


def _route() -> str:
    """Give the path's pattern as the reference writes it: `/v1/loyalty/accounts/{id}`."""
    return re.sub(r"<[^>]*:(\w+)>", r"{\1}", request.url_rule.rule) if request.url_rule else ""


def _storable(text: str) -> str:
    # PostgreSQL keeps no NUL, and UTF-8 has no half of a surrogate pair.
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()
