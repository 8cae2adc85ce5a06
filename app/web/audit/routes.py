"""The audit log: who did what, when and where; filtered, and as a CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, request

from app import clock
from app.db import current, reading
from app.http.actors import signed_in
from app.models.merchants import LIVE
from app.services import audit_log, staff, staff_people
from app.services.audit_log import Filters, Line
from app.services.snapshots import json_time
from app.web import days
from app.web.audit.words import words_of
from app.web.paging import shown_before
from app.web.responses import page

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

COLUMNS = (
    *("when", "who", "kind", "act", "subject", "member", "where", "till"),
    *("before", "after", "request"),
)

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would calculate (OWASP, CSV injection)."""


@blueprint.get("")
def index() -> Response:
    """List acts, the newest first."""
    filters = _filters()
    with reading() as session:
        found = audit_log.list_lines(
            session,
            workspace_ids=_workspace_ids(),
            filters=filters,
            after=request.args.get("after"),
        )
        acts = audit_log.list_acts(session, workspace_ids=_workspace_ids())
        people = staff_people.list_people(session, merchant_id=signed_in().merchant.id)
    return page(
        "audit/index.html",
        part="audit/_lines.html",
        found=found,
        filters=filters,
        acts=sorted(acts, key=words_of),
        words_of=words_of,
        people=people,
        asked={name: request.args.get(name, "") for name in ("since", "until")},
        shown=shown_before(request.args) + len(found.rows),
    )


@blueprint.get("/export")
def export() -> Response:
    """Give all acts that the filters leave, as CSV that no spreadsheet calculates with."""
    database, workspace_ids, filters = current(), _workspace_ids(), _filters()

    def rows() -> Iterator[str]:
        yield _csv(COLUMNS)
        with database.reading() as session:
            for line in audit_log.export(session, workspace_ids=workspace_ids, filters=filters):
                yield _csv(_values(line))

    name = f"audit-{clock.now():%Y-%m-%d}.csv"
    return current_app.response_class(
        rows(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _workspace_ids() -> list[str]:
    """Give where to look: here, and in the live workspace, where acts on staff are kept."""
    with reading() as session:
        live = staff.get_workspace(session, merchant_id=signed_in().merchant.id, mode=LIVE)
    return sorted({signed_in().workspace.id, live.id})


def _filters() -> Filters:
    zone = ZoneInfo(signed_in().merchant.time_zone)
    return Filters(
        actor_id=request.args.get("who", "")[:64],
        act=request.args.get("act", "")[:60],
        member_id=request.args.get("member", "")[:64],
        since=days.start_of(request.args.get("since", ""), zone),
        until=days.start_of(request.args.get("until", ""), zone, days_later=1),
    )


def _values(line: Line) -> list[str]:
    entry = line.entry
    return [
        json_time(entry.recorded_at) or "",
        line.actor_name or "",
        entry.actor_kind,
        entry.act,
        entry.subject_id or "",
        entry.member_id or "",
        line.location_name or "",
        line.device_name or "",
        _plain(entry.before),
        _plain(entry.after),
        entry.request_id or "",
    ]


def _plain(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _csv(values: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_harmless(value) for value in values])
    return text.getvalue()


def _harmless(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA_STARTS) else value
