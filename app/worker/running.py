"""The worker: what happens beside the requests. It holds no state and may run any number of times.

It delivers webhooks and tidies up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import structlog

from app.db.database import Database
from app.metrics import Metrics
from app.services import merchants
from app.services.api_keys import rate_limits, request_log
from app.services.staff import passkeys, sign_ins
from app.services.webhooks import deliveries
from app.worker.delivering import Deliverer

TIDY_SECONDS = 600

IDLE_SECONDS = 0.25
"""An event leaves within a second of its commit (spec section 6)."""

FAILED_SECONDS_MAX = 4
"""What fails and fails is tried less and less often, down to this."""

_log = structlog.get_logger("regulars.worker")


class Worker(threading.Thread):
    """The worker: a thread of the embedded default, or the whole of a process of its own."""

    def __init__(
        self,
        database: Database,
        *,
        allows_private: bool,
        metrics: Metrics,
        hosts: Sequence[str] = (),
    ) -> None:
        super().__init__(name="worker", daemon=True)
        self._database = database
        self._deliverer = Deliverer(
            database, allows_private=allows_private, metrics=metrics, hosts=hosts
        )
        self._stopped = threading.Event()
        self._tidied_at = 0.0

    def run(self) -> None:
        """Work until stopped; what fails is logged and tried again at the next turn."""
        failed_seconds = IDLE_SECONDS
        while not self._stopped.is_set():
            begun, rest_seconds = 0, IDLE_SECONDS
            try:
                begun = self._deliverer.turn()
                self._tidy_now_and_then()
                failed_seconds = IDLE_SECONDS
            except Exception:
                # Whatever it is, the next turn comes: nobody would start the worker again.
                _log.exception("worker")
                rest_seconds = failed_seconds = min(failed_seconds * 2, FAILED_SECONDS_MAX)
            if not begun:
                self._deliverer.rest(rest_seconds)

    def ask_to_stop(self) -> None:
        """Let `run` end after the turn under way."""
        self._stopped.set()

    def close(self) -> None:
        """Take nothing more; what is under way ends by its deadline."""
        self._deliverer.close()

    def stop(self) -> None:
        """End the thread after the turn under way."""
        self.ask_to_stop()
        self.join(timeout=5)
        self.close()

    def _tidy_now_and_then(self) -> None:
        now = time.monotonic()
        if not self._tidied_at or now - self._tidied_at > TIDY_SECONDS:
            self._tidied_at = now
            tidy(self._database)


def tidy(database: Database) -> None:
    """Remove what no longer means anything: dead sessions, full buckets, old logs."""
    with database.writing() as session:
        sign_ins.remove_dead_sessions(session)
        passkeys.remove_spent(session)
        rate_limits.remove_full(session)
        for workspace in merchants.list_workspaces(session):
            request_log.remove_old(session, workspace_id=workspace.id)
            deliveries.remove_old(session, workspace_id=workspace.id)
