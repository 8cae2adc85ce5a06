"""What a process tells Prometheus of its own work: how often, how long, with what outcome.

The names are those of docs/running.md and of the alerts beside it, and a test holds all three
together. What the database knows is asked for at each scrape, by `app.cli.metrics`.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

LATENCY_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""The upper bounds of the histogram's buckets: a till's budget is a tenth of a second."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Any other word may stand where a request's method stands, and each would be a series."""


class Metrics:
    """The instruments of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "regulars_http_requests",
            "Requests that were answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "regulars_http_request_seconds",
            "Seconds from a request's begin to its answer.",
            ["method", "route"],
            buckets=LATENCY_SECONDS,
            registry=self.registry,
        )
        self._attempts = Counter(
            "regulars_webhook_attempts",
            "Attempts to deliver a webhook.",
            ["outcome"],
            registry=self.registry,
        )

    def count_request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            route: the pattern of its path, or "" when no route fits.
        """
        method = method if method in METHODS else "other"
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(method, route).observe(seconds)

    def count_attempt(self, *, is_success: bool) -> None:
        """Count an attempt to deliver a webhook."""
        self._attempts.labels("delivered" if is_success else "failed").inc()
