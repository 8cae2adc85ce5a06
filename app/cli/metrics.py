"""The port on which a process tells Prometheus how it does, beside the one that serves people."""

from __future__ import annotations

from collections.abc import Iterator

import click
from flask import Flask
from prometheus_client import start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from app import clock
from app.config import Settings
from app.db.database import Database
from app.db.engines import CONNECTIONS_MOST
from app.metrics import Metrics
from app.services import merchants
from app.services.ledger import checks
from app.services.webhooks import deliveries


def watch(app: Flask, database: Database) -> None:
    """Open the port, if one is set; it answers from a thread of its own.

    Raises:
        click.ClickException: something else has the port.
    """
    settings: Settings = app.extensions["regulars.settings"]
    if settings.metrics_at is None:
        return
    metrics: Metrics = app.extensions["regulars.metrics"]
    host, port = settings.metrics_at
    ProcessCollector(registry=metrics.registry)
    metrics.registry.register(DatabaseCollector(database))
    try:
        start_http_server(port, host, registry=metrics.registry)
    except OSError as error:
        raise click.ClickException(
            f"Port {port} of REGULARS_METRICS can't be opened: {error.strerror}. "
            "Each process needs one of its own."
        ) from None
    click.echo(f"Metrics are at  http://{host}:{port}/metrics")


class DatabaseCollector(Collector):
    """What the database knows, asked for at each scrape, and what its connections do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def describe(self) -> list[GaugeMetricFamily]:
        """Give none: a collector that is asked only when it is scraped."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the gauges; those of the database are left out while it does not answer."""
        yield from self._connections()
        is_up = GaugeMetricFamily("regulars_database_up", "Whether the database answers.")
        try:
            found = list(self._asked())
        except SQLAlchemyError:
            found = []
        is_up.add_metric([], bool(found))
        yield is_up
        yield from found

    def _connections(self) -> Iterator[GaugeMetricFamily]:
        pool = self._database.engine.pool
        if not isinstance(pool, QueuePool):
            return
        gauge = GaugeMetricFamily(
            "regulars_database_connections", "Connections of this process.", labels=["state"]
        )
        gauge.add_metric(["in use"], pool.checkedout())
        gauge.add_metric(["idle"], pool.checkedin())
        yield gauge
        if not self._database.is_sqlite:
            yield GaugeMetricFamily(
                "regulars_database_connections_most",
                "Connections that this process may have at once.",
                CONNECTIONS_MOST,
            )

    def _asked(self) -> Iterator[GaugeMetricFamily]:
        by = ["workspace", "mode"]
        age = GaugeMetricFamily(
            "regulars_outbox_age_seconds",
            "Age of the oldest event that no worker has taken up, 0 when there is none.",
            labels=by,
        )
        late = GaugeMetricFamily(
            "regulars_webhook_lateness_seconds",
            "How long the longest due attempt to deliver has been due, 0 when none is.",
            labels=by,
        )
        checked_at = GaugeMetricFamily(
            "regulars_ledger_checked_timestamp_seconds",
            "When the last check of the ledger ended.",
            labels=by,
        )
        has_fault = GaugeMetricFamily(
            "regulars_ledger_has_fault", "Whether the last check found a fault.", labels=by
        )
        entries = GaugeMetricFamily(
            "regulars_ledger_checked_entries", "Entries that the last check read.", labels=by
        )
        with self._database.reading() as session:
            for workspace in merchants.list_workspaces(session):
                labels = [workspace.id, workspace.mode]
                waiting = deliveries.get_backlog(session, workspace_id=workspace.id)
                for gauge, since in (
                    (age, waiting.oldest_event_at),
                    (late, waiting.longest_due_at),
                ):
                    seconds = (clock.now() - since).total_seconds() if since else 0
                    gauge.add_metric(labels, max(0, seconds))
                check = checks.find_last(session, workspace_id=workspace.id)
                if check is not None:
                    checked_at.add_metric(labels, check.ended_at.timestamp())
                    has_fault.add_metric(labels, bool(check.fault))
                    entries.add_metric(labels, check.entry_count)
        yield from (age, late, checked_at, has_fault, entries)
