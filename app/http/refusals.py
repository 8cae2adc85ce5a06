"""Writing down who was refused what, for staff and for keys."""

from __future__ import annotations

from http import HTTPStatus

import structlog
from flask import Flask, Response, request
from sqlalchemy.exc import SQLAlchemyError

from app.http import actors, keys
from app.http.database import writing
from app.ids import is_id
from app.rules.actors import Actor
from app.services.audit import trail

ACT = "access.refused"

_log = structlog.get_logger("regulars.refusals")


def install(app: Flask) -> None:
    """Write each refusal into the audit log, after its own transaction has ended."""
    app.after_request(_write_down)


def _write_down(response: Response) -> Response:
    found = _who() if response.status_code == HTTPStatus.FORBIDDEN else None
    if found is None:
        return response
    by, workspace_id = found
    member_id = str((request.view_args or {}).get("member_id", ""))
    try:
        with writing() as session:
            trail.record(
                session,
                workspace_id=workspace_id,
                act=ACT,
                by=by,
                # What stands in an address may be anything.
                member_id=member_id if is_id(member_id, "loy") else None,
                after={"route": request.endpoint, "method": request.method},
            )
    except SQLAlchemyError:
        # The refusal stands, whether or not it can be written down.
        _log.exception("refusal_not_written")
    return response


def _who() -> tuple[Actor, str] | None:
    if actors.is_signed_in():
        return actors.actor(), actors.workspace_id()
    caller = keys.find_caller()
    return (keys.actor(), caller.workspace.id) if caller else None
