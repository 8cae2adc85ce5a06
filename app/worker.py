"""The worker: what happens beside the requests. It holds no state and may run any number of times.

For now it tidies up. Webhook delivery will live here too.
"""

from __future__ import annotations

import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from app.db import Database
from app.services import api_requests, merchants, rate_limits, staff

TIDY_SECONDS = 600

_log = structlog.get_logger("regulars.worker")


class Worker(threading.Thread):
    """The worker as a thread of the embedded default."""

    def __init__(self, database: Database) -> None:
        super().__init__(name="worker", daemon=True)
        self._database = database
        self._stopped = threading.Event()

    def run(self) -> None:
        """Work until stopped; what fails is logged and tried again at the next turn."""
        while not self._stopped.is_set():
            try:
                tidy(self._database)
            except SQLAlchemyError:
                _log.exception("worker")
            self._stopped.wait(TIDY_SECONDS)

    def stop(self) -> None:
        """End after the turn under way."""
        self._stopped.set()
        self.join(timeout=5)


def tidy(database: Database) -> None:
    """Remove what no longer means anything: dead sessions, full buckets, old requests."""
    with database.writing() as session:
        staff.remove_dead_sessions(session)
        rate_limits.remove_full(session)
        for workspace in merchants.list_workspaces(session):
            api_requests.remove_old(session, workspace_id=workspace.id)
