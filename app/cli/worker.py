"""`flask --app wsgi worker`: the worker as a process of its own, beside any WSGI server."""

from __future__ import annotations

import signal

import click
from flask import Flask, current_app

from app.cli.errors import Command
from app.cli.metrics import watch
from app.http.database import current


@click.command("worker", cls=Command)
def worker() -> None:
    """Deliver webhooks and tidy up until stopped. Any number may run at once."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    running = app.extensions["regulars.make_worker"](current())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: running.ask_to_stop())
    watch(app, current())
    click.echo("Delivering. Stop with Ctrl+C.")
    running.run()
    running.close()
