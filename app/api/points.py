"""Points over HTTP: award, reverse, and the ledger."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from app.api import acting, answers, blueprints, schemas
from app.api.acting import Done
from app.api.places import between
from app.db import reading
from app.http import keys
from app.services import ledger, ledger_history, members, snapshots
from app.services.ledger import Source

blueprint = blueprints.make(
    "points", "/loyalty/points", "The ledger: immutable transactions, each with a running balance."
)


@blueprint.get("", responses={200: schemas.TransactionList})
def list_points(query: schemas.PointsQuery) -> Response:
    """List transactions, of one account or of all."""
    keys.check_scope("points:read")
    with reading() as session:
        if query.account_id is not None:
            # A mistyped id is an error, and no empty ledger.
            with acting.naming("accountId"):
                members.get_member(
                    session, workspace_id=keys.workspace_id(), member_id=query.account_id
                )
        found = ledger_history.list_entries(
            session,
            workspace_id=keys.workspace_id(),
            between=between(query),
            member_id=query.account_id,
        )
    return answers.many(schemas.TransactionList, found, snapshots.transaction)


@blueprint.post("/award", responses={201: schemas.Transaction, 200: schemas.Transaction})
def award_points(header: schemas.OnceHeader, body: schemas.AwardIn) -> Response:
    """Award points. A `source` that was awarded already is answered with its award, and 200."""
    keys.check_scope("points:write")
    source = Source(body.source.type, body.source.id) if body.source else None
    once = acting.once_of(header)

    def do(session: Session) -> Done:
        outcome = ledger.award(
            session,
            workspace_id=keys.workspace_id(),
            member_id=body.account_id,
            points=body.points,
            reason=body.reason,
            metadata=body.metadata,
            source=source,
            by=keys.actor(),
            once=once,
        )
        shape = snapshots.transaction(outcome.value)
        return Done(shape, 200 if outcome.replayed else 201, outcome.replayed)

    return acting.act(schemas.Transaction, do, once=once, claims_itself=True)


@blueprint.post("/reverse", responses={201: schemas.Transaction})
def reverse_points(header: schemas.OnceHeader, body: schemas.ReverseIn) -> Response:
    """Take an award back, whole or in part. The balance may go below zero."""
    keys.check_scope("points:write")

    def do(session: Session) -> Done:
        with acting.naming("transactionId"):
            outcome = ledger.reverse(
                session,
                workspace_id=keys.workspace_id(),
                entry_id=body.transaction_id,
                points=body.points,
                reason=body.reason,
                metadata=body.metadata,
                by=keys.actor(),
            )
        return Done(snapshots.transaction(outcome.value), 201)

    return acting.act(schemas.Transaction, do, once=acting.once_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.Transaction})
def retrieve_points(path: schemas.IdPath) -> Response:
    """Retrieve one transaction."""
    keys.check_scope("points:read")
    with reading() as session:
        found = ledger.get_entry(session, workspace_id=keys.workspace_id(), entry_id=path.id)
    return answers.one(schemas.Transaction, snapshots.transaction(found))
