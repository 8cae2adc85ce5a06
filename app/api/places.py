"""Which part of a list a call asks for (spec section 5)."""

from __future__ import annotations

from app.api import schemas
from app.errors import InvalidParameter
from app.services.paging import Between


def between(query: schemas.ListQuery) -> Between:
    """Read the part from the address.

    Raises:
        InvalidParameter: both cursors were sent.
    """
    if query.starting_after is not None and query.ending_before is not None:
        raise InvalidParameter(
            "endingBefore", "Send startingAfter or endingBefore, and not both of them."
        )
    is_newer = query.ending_before is not None
    cursor = query.ending_before if is_newer else query.starting_after
    return Between(query.limit, cursor, is_newer)
