"""Today: the figures, the chart, what just happened, what needs attention, the first steps."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response

from app import clock
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.models.programs import Program
from app.rules.actors import Permission
from app.services import programs, reports, rewards
from app.services.webhooks import delivery_log
from app.web.reports import charts
from app.web.responses import page, part_page

blueprint = Blueprint("reports", __name__)


@blueprint.get("/")
@requires(Permission.READ)
def today() -> Response:
    """Show the day, or the first steps while there are no members."""
    with reading() as session:
        known_programs = programs.list_programs(session, workspace_id=workspace_id())
        overview = reports.get_overview(
            session, workspace_id=workspace_id(), time_zone=signed_in().merchant.time_zone
        )
        activity = reports.list_activity(session, workspace_id=workspace_id())
        has_reward = rewards.has_rewards(session, workspace_id=workspace_id())
        failing = delivery_log.list_needing_attention(session, workspace_id=workspace_id())
    if not overview.member_count:
        program = known_programs[0] if known_programs else None
        return page("reports/first_run.html", program=program, has_reward=has_reward)
    return page(
        "reports/today.html",
        overview=overview,
        owed_minor_units=_owed(overview.outstanding, known_programs),
        activity=activity,
        # Who cannot mend it is not troubled with it.
        failing=failing if actor().may(Permission.EDIT_PROGRAMS) else [],
        now=clock.now(),
        charts=charts.draw(overview),
    )


@blueprint.get("/activity")
@requires(Permission.READ, is_unattended=True)
def activity() -> Response:
    """Show what just happened, for the list that updates itself."""
    with reading() as session:
        found = reports.list_activity(session, workspace_id=workspace_id())
    return part_page("reports/_activity.html", title="Right now", in_card=False, activity=found)


def _owed(points: int, known: Sequence[Program]) -> int | None:
    """Give what points are worth in minor units; None where programs value them differently."""
    values = {program.point_value_thousandths for program in known}
    return points * values.pop() // 1000 if len(values) == 1 else None
