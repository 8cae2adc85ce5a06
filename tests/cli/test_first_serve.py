"""The first `serve` in production: nobody is there from the start."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from app.db.database import Database
from app.services import merchants

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


def serve(folder: Path, **environ: str) -> str:
    """Start it, wait until it answers, stop it, and give what it said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL"}}
    process = subprocess.Popen(  # noqa: S603 - our own server
        [sys.executable, "-m", "flask", "--app", "wsgi", "serve", "--port", str(port)],
        cwd=ROOT,
        env={**kept, "REGULARS_DATA": str(folder), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=SECONDS)
    return said


def names(folder: Path) -> list[str]:
    """List the merchants."""
    with Database(f"sqlite:///{folder / 'regulars.db'}").reading() as session:
        return [each.name for each in merchants.list_merchants(session)]


def test_in_production_it_makes_nobody_and_says_how(tmp_path: Path) -> None:
    key = secrets.token_urlsafe(48)

    said = serve(tmp_path, REGULARS_ENV="production", REGULARS_SECRET_KEY=key)

    assert "Regulars is open at" in said
    assert "Nobody can sign in yet." in said
    assert "Sign in with" not in said
    assert not (tmp_path / "first-sign-in.txt").exists()
    assert names(tmp_path) == []
