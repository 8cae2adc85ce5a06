"""The members of a program who were here last: what a preview looks at while somebody types.

Each keystroke asks, so not all of a million are looked at; who was here last may be here again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from app.models.members import Member
from app.models.programs import Program
from app.services import totals

LOOKED_AT_MAX = 2_500

WALKED_MAX = 10_000
"""So many of a workspace are walked to find them: members of other programs may lie between."""


def read_active(
    session: Session, program: Program, *columns: InstrumentedAttribute[Any]
) -> tuple[Sequence[Any], bool]:
    """Give some columns of the program's active members who were here last, and whether it is all.

    At most `LOOKED_AT_MAX` are given, those of the `WALKED_MAX` who were here last in any program.
    """
    walked = (
        select(Member.program_id, Member.status, *columns)
        .where(Member.workspace_id == program.workspace_id)
        .order_by(Member.last_seen_at.desc(), Member.id.desc())
        .limit(WALKED_MAX)
        .subquery()
    )
    # Not ordered again: both databases give a limited subquery's rows as they come.
    rows = session.execute(
        select(*(walked.c[column.key] for column in columns))
        .where(walked.c.program_id == program.id, walked.c.status == "active")
        .limit(LOOKED_AT_MAX)
    ).all()
    counts = totals.read_tiers(session, workspace_id=program.workspace_id)
    count = sum(count for (program_id, _), count in counts.items() if program_id == program.id)
    return rows, len(rows) == count
