"""`/healthz`: what is up, for whoever watches the installation."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app.http.access import public
from app.http.database import current, reading

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> tuple[Response, int]:
    """Answer 200 when the database answers, 503 otherwise."""
    database_is_up = _database_answers()
    worker = current_app.extensions.get("regulars.worker")
    answer = {
        "status": "ok" if database_is_up else "down",
        "database": {"kind": current().engine.dialect.name, "up": database_is_up},
        # A worker of its own process is not seen from here.
        "worker": {"up": worker.is_alive()} if worker else "elsewhere",
    }
    return jsonify(answer), 200 if database_is_up else 503


def _database_answers() -> bool:
    try:
        with reading() as session:
            session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
