"""The page of a list that a call asks for (spec section 5)."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.api import schemas
from app.api.idempotent import naming
from app.errors import InvalidParameter
from app.http import keys
from app.services import programs, rewards
from app.services.members import enrolment
from app.services.paging import PageRequest


def page_request(query: schemas.ListQuery) -> PageRequest:
    """Return the page that the query parameters ask for.

    Raises:
        InvalidParameter: both cursors were sent.
    """
    if query.starting_after is not None and query.ending_before is not None:
        raise InvalidParameter(
            "endingBefore", "Send startingAfter or endingBefore, and not both of them."
        )
    is_newer = query.ending_before is not None
    cursor = query.ending_before if is_newer else query.starting_after
    return PageRequest(query.limit, cursor, is_newer)


def check_filters(
    session: Session,
    *,
    account_id: str | None = None,
    program_id: str | None = None,
    reward_id: str | None = None,
) -> None:
    """Look whether what narrows a list is there: a mistyped id is an error, and no empty list.

    Raises:
        NotFound: it is not.
    """
    here = keys.workspace_id()
    if account_id is not None:
        with naming("accountId"):
            enrolment.get_member(session, workspace_id=here, member_id=account_id)
    if program_id is not None:
        with naming("programId"):
            programs.get_program(session, workspace_id=here, program_id=program_id)
    if reward_id is not None:
        with naming("rewardId"):
            rewards.get_reward(session, workspace_id=here, reward_id=reward_id)
