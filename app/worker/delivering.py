"""Delivering events: each endpoint has places of its own, so that a slow one delays nobody else."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from app.db.database import Database
from app.db.errors import is_deadlock
from app.metrics import Metrics
from app.rules import signing
from app.services import merchants
from app.services.webhooks import deliveries
from app.services.webhooks.deliveries import Answer, Job
from app.worker import posting

THREADS = 256
"""They are made when they are needed; one that waits for an answer costs little."""

LONGEST_WAIT_SECONDS = deliveries.LEASE_SECONDS - 2 * posting.DEADLINE_SECONDS
"""A job that waited longer for a thread is left alone: its lease must outlive its attempt."""

DEADLOCK_TRIES = 3

_log = structlog.get_logger("regulars.webhooks")


class Deliverer:
    """Sends what is due. Any number of them may work on one database."""

    def __init__(
        self,
        database: Database,
        *,
        allows_private: bool,
        metrics: Metrics,
        hosts: Sequence[str] = (),
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._allows_private = allows_private
        self._hosts = hosts
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self._busy: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._has_place = threading.Event()

    def turn(self) -> int:
        """Write new deliveries, take what is due and send it; say how many attempts were begun."""
        with self._database.reading() as session:
            workspaces = [each.id for each in merchants.list_workspaces(session)]
        return sum(self._safe_turn_of(workspace_id) for workspace_id in workspaces)

    def rest(self, seconds: float) -> None:
        """Wait until an attempt has ended, or the time is over."""
        self._has_place.wait(seconds)
        self._has_place.clear()

    def wait(self, seconds: float = 60) -> bool:
        """Wait until nothing is under way; False when the time is over before."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            with self._lock:
                if not +self._busy:
                    return True
            time.sleep(0.005)
        return False

    def close(self) -> None:
        """Take nothing more; what is under way ends by its deadline, or its lease runs out."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _safe_turn_of(self, workspace_id: str) -> int:
        try:
            return self._turn_of(workspace_id)
        except SQLAlchemyError:
            # The others' turn comes all the same, and this one's again.
            _log.exception("turn", workspace_id=workspace_id)
            return 0

    def _turn_of(self, workspace_id: str) -> int:
        with self._database.reading() as session:
            if not deliveries.has_work(session, workspace_id=workspace_id):
                return 0
        with self._lock:
            busy = dict(self._busy)
        with self._database.writing() as session:
            deliveries.dispatch(session, workspace_id=workspace_id)
            jobs = deliveries.claim(session, workspace_id=workspace_id, busy=busy)
        for job in jobs:
            with self._lock:
                self._busy[job.endpoint_id] += 1
            self._pool.submit(self._deliver, job, time.monotonic())
        return len(jobs)

    def _deliver(self, job: Job, claimed_at: float) -> None:
        try:
            if time.monotonic() - claimed_at <= LONGEST_WAIT_SECONDS:
                answer = self._attempted(job)
                self._metrics.count_attempt(is_success=answer.is_success)
                self._finish(job, answer)
        except SQLAlchemyError:
            # The lease runs out, and then the attempt is made again.
            _log.exception("delivery", delivery_id=job.delivery_id)
        finally:
            with self._lock:
                self._busy[job.endpoint_id] -= 1
            self._has_place.set()

    def _attempted(self, job: Job) -> Answer:
        try:
            return send(job, allows_private=self._allows_private, hosts=self._hosts)
        except Exception as fault:
            # A fault of ours counts as an attempt: left alone, it would be made for ever.
            _log.exception("attempt", delivery_id=job.delivery_id)
            return Answer(
                duration_ms=0, error=f"Regulars could not send it ({type(fault).__name__})."
            )

    def _finish(self, job: Job, answer: Answer) -> None:
        luck = random.random()  # noqa: S311 - jitter is no secret
        for attempt in range(DEADLOCK_TRIES):
            try:
                with self._database.writing() as session:
                    deliveries.finish(session, job=job, answer=answer, luck=luck)
            except DBAPIError as error:
                if not is_deadlock(error) or attempt == DEADLOCK_TRIES - 1:
                    raise
            else:
                return


def send(job: Job, *, allows_private: bool, hosts: Sequence[str] = ()) -> Answer:
    """Sign a body and post it."""
    body = json.dumps(job.body, ensure_ascii=False, separators=(",", ":")).encode()
    headers = signing.headers(
        secrets=job.secrets, message_id=job.event_id, moment=int(time.time()), body=body
    )
    return posting.post(job.url, headers, body, allows_private=allows_private, hosts=hosts)
