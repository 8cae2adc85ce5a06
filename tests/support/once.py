"""Services run under an idempotency key, as the API and the forms run them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from app.http import idempotent
from app.rules.ledger import Entry
from app.services import idempotency
from app.services.idempotency import First, IdempotencyKey
from app.services.ledger import acts
from app.services.results import Replayed, Result
from tests.cast import Cast


def run_once(
    cast: Cast, key: str, service: Callable[..., Any], again: Callable[..., Any], **given: Any
) -> Result[Any]:
    """Run a service under a key of the API, in a transaction of its own.

    Args:
        again: returns what the first request had made, from a session and its id.
        given: the service's arguments, all of which count for the fingerprint.
    """
    asked = {name: repr(value) for name, value in given.items()}
    made = idempotent.act_once(
        IdempotencyKey("api", key, idempotency.fingerprint(service.__name__, asked)),
        lambda session: service(session, workspace_id=cast.workspace_id, **given),
        lambda made: (made.value.id if isinstance(made, Result) else made.id, None),
        workspace_id=cast.workspace_id,
        transactions=cast.database,
    )
    if isinstance(made, First):
        with cast.database.reading() as session:
            return Result(again(session, cast.workspace_id, made.result_id), Replayed.KEY)
    return made if isinstance(made, Result) else Result(made)


def find_entry(session: Session, workspace_id: str, entry_id: str) -> Entry:
    """Return an entry that was made before."""
    return acts.read_entry(session, workspace_id=workspace_id, entry_id=entry_id)
