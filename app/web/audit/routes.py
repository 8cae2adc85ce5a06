"""The audit log: who did what, when and where; filtered, and as a CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator
from itertools import chain, islice
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, request

from app import clock
from app.config import Rate
from app.db.database import Database
from app.http.access import requires
from app.http.actors import signed_in
from app.http.database import current, reading
from app.models.merchants import Workspace
from app.rules.actors import Permission
from app.services.audit import log
from app.services.audit.log import AuditFilters, AuditLine
from app.services.snapshots import json_time
from app.services.staff import people as staff_people
from app.web import days
from app.web.audit.words import place_of, words_of
from app.web.paging import shown_before
from app.web.responses import page

blueprint = Blueprint("audit", __name__, url_prefix="/audit")

COLUMNS = (
    *("when", "who", "kind", "act", "subject", "member", "where", "till"),
    *("before", "after", "request"),
)

EXPORT_RATE = Rate(1, 5)
"""For one person; each export reads the whole audit log."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would calculate (OWASP, CSV injection)."""


@blueprint.get("")
@requires(Permission.EDIT_PROGRAMS)
def index() -> Response:
    """List acts, the newest first."""
    filters, workspace = _filters(), signed_in().workspace
    with reading() as session:
        found = log.list_lines(
            session,
            workspace=workspace,
            filters=filters,
            after=request.args.get("after"),
        )
        acts = log.list_acts(session, workspace=workspace)
        people = staff_people.list_people(session, merchant_id=signed_in().merchant.id)
    return page(
        "audit/index.html",
        part="audit/_lines.html",
        found=found,
        filters=filters,
        acts=sorted(acts, key=words_of),
        words_of=words_of,
        place_of=place_of,
        people=people,
        asked={name: request.args.get(name, "") for name in ("since", "until")},
        shown=shown_before(request.args) + len(found.rows),
    )


@blueprint.get("/export")
@requires(Permission.EDIT_PROGRAMS, rate=EXPORT_RATE)
def export() -> Response:
    """Give all acts that the filters leave, as CSV that no spreadsheet calculates with."""
    rows = _rows(current(), signed_in().workspace, _filters())
    # An answer that has begun cannot become a 503 any more, so the first act is read before it.
    head = next(rows)
    name = f"audit-{clock.now():%Y-%m-%d}.csv"
    response = current_app.response_class(
        chain([head], rows),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
    # A browser that stops half-way holds no connection to the database.
    response.call_on_close(rows.close)
    return response


def _rows(
    database: Database, workspace: Workspace, filters: AuditFilters
) -> Generator[str, None, None]:
    """Yield the lines of the file: the names of the columns, then one act each."""
    with database.reading() as session:
        lines = log.export(session, workspace=workspace, filters=filters)
        first = list(islice(lines, 1))
        yield _csv(COLUMNS)
        for line in chain(first, lines):
            yield _csv(_values(line, workspace))


def _filters() -> AuditFilters:
    zone = ZoneInfo(signed_in().merchant.time_zone)
    return AuditFilters(
        actor_id=request.args.get("who", "")[:64],
        act=request.args.get("act", "")[:60],
        member_id=request.args.get("member", "")[:64],
        since=days.start_of(request.args.get("since", ""), zone),
        until=days.start_of(request.args.get("until", ""), zone, days_later=1),
    )


def _values(line: AuditLine, workspace: Workspace) -> list[str]:
    entry = line.entry
    return [
        json_time(entry.recorded_at) or "",
        line.actor_name or "",
        entry.actor_kind,
        entry.act,
        entry.subject_id or "",
        entry.member_id or "",
        line.location_name or place_of(line, workspace),
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
