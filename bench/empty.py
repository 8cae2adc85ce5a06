"""The least that a Flask app can answer: what the server and the framework cost alone."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def empty() -> dict[str, str]:
    """Answer with an empty object."""
    return {}
