"""`flask --app wsgi serve`: the embedded default, one process with threads for web and worker."""

from __future__ import annotations

import errno
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import click
import waitress
from flask import Flask, current_app

from app.cli.errors import Command
from app.cli.metrics import watch
from app.config import Settings
from app.db.database import Database
from app.http.database import current
from app.migrations.running import upgrade
from app.sandbox import seeding
from app.services import merchants

THREADS = 8
BODY_BYTES_MAX = 2 * 1024 * 1024
"""Twice what any call takes, so that its own answer is heard of what is only somewhat too large."""

OWNER_EMAIL = "owner@harbour-roasters.example.com"


@click.command("serve", cls=Command)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--only-web", is_flag=True, help="One of several: no migration, no sandbox and no worker."
)
def serve(port: int, host: str, *, only_web: bool) -> None:
    """Migrate, fill an empty installation with a sandbox, and serve until stopped."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    database = current()
    settings: Settings = current_app.extensions["regulars.settings"]
    for warning in database.warnings():
        click.echo(f"Warning: {warning}", err=True)
    # As Ctrl+C does: what is under way is answered, and then the process ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with ExitStack() as ending:
        # Before anything else, so that a second one ends here and touches nothing. (Of two that are
        # started at once, Linux ends the later only when it listens: by then it has migrated, too.)
        listening = ending.enter_context(_bound(host, port))
        if not only_web:
            upgrade(database.engine)
            _fill_if_empty(database, is_production=settings.is_production)
            # The factory knows the worker; this edge does not import its sibling.
            worker = app.extensions["regulars.make_worker"](database)
            worker.start()
            ending.callback(worker.stop)
            app.extensions["regulars.worker"] = worker
        watch(app, database)
        _say_where(host, port)
        waitress.serve(
            app,
            sockets=[listening],
            threads=THREADS,
            ident=None,
            # Ours to judge: `http.proxies` believes the proxies that are configured.
            clear_untrusted_proxy_headers=False,
            # It keeps a body whole before the app may look; the server refuses larger ones.
            max_request_body_size=BODY_BYTES_MAX,
            _quiet=True,
        )


def _bound(host: str, port: int) -> socket.socket:
    """Take the port. Nobody is let in before waitress listens."""
    taken = None
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family)
        # What a process that has just ended leaves of its connections is no hindrance.
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        if taken is not None:
            taken.close()
        if error.errno == errno.EADDRINUSE:
            raise click.ClickException(
                f"Port {port} is taken, perhaps by a Regulars that is open already. Stop that, or "
                f"choose another port: make run PORT={port + 1}"
            ) from None
        raise click.ClickException(f"{host}, port {port}: {error.strerror}") from None
    return taken


def _fill_if_empty(database: Database, *, is_production: bool) -> None:
    """Make a merchant, its owner and the sandbox's data in an empty installation to try."""
    with database.reading() as session:
        known = merchants.list_merchants(session)
    if known:
        return
    if is_production:
        click.echo(_NOBODY, err=True)
        return
    click.echo("First start: filling the sandbox with a shop's test data …", err=True)
    with database.writing() as session:
        merchant, password = seeding.open_business(
            session, name="Harbour Roasters", email=OWNER_EMAIL
        )
        # In the same transaction: an interrupted first start leaves nothing behind.
        seeding.seed(session, merchant_id=merchant.id)
    _keep_sign_in(password)


_NOBODY = """\
Nobody can sign in yet. Make a shop, and an owner with a password of their own:
    flask --app wsgi merchants create --name "Harbour Roasters"
    flask --app wsgi staff create --email ada@example.com --name Ada --role owner \\
        --password-stdin"""


def _keep_sign_in(password: str) -> None:
    path = _sign_in_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{OWNER_EMAIL}  {password}\n", encoding="utf-8")


def _sign_in_file() -> Path:
    settings: Settings = current_app.extensions["regulars.settings"]
    return settings.data_folder / "first-sign-in.txt"


def _say_where(host: str, port: int) -> None:
    shown = "localhost" if host in {"127.0.0.1", "0.0.0.0"} else host  # noqa: S104 - only compared
    click.echo(f"\nRegulars is open at  http://{shown}:{port}/")
    path = _sign_in_file()
    if path.exists():
        click.echo(f"Sign in with         {path.read_text(encoding='utf-8').strip()}")
        click.echo(f"(kept in {path}, readable by you only)")
    click.echo("Stop with Ctrl+C.\n")
