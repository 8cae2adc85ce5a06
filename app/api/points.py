"""Points over HTTP: award, reverse, and the ledger."""

from __future__ import annotations

from typing import Any

from flask import Response, g
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import check_filters, page_request
from app.errors import IdempotencyConflict, InvalidParameter, RegularsError
from app.http import keys
from app.http.database import reading
from app.http.failures import Failure
from app.http.statuses import status_of
from app.models.columns import JsonObject
from app.rules.ledger import Source
from app.services import idempotency, snapshots
from app.services.idempotency import Answer, IdempotencyKey
from app.services.ledger import acts, batches, history
from app.services.ledger.acts import Award
from app.services.ledger.batches import BatchResult, Wanted
from app.services.results import Replayed

blueprint = blueprints.make(
    "points", "/loyalty/points", "The ledger: immutable transactions, each with a running balance."
)

_AWARD_PATH = "/v1/loyalty/points/award"


@blueprint.get("", responses={200: schemas.TransactionList})
def list_points(query: schemas.PointsQuery) -> Response:
    """List transactions, of one account or of all."""
    keys.check_scope("points:read")
    with reading() as session:
        check_filters(session, account_id=query.account_id)
        found = history.list_entries(
            session,
            workspace_id=keys.workspace_id(),
            page=page_request(query),
            member_id=query.account_id,
        )
    return responses.many(schemas.TransactionList, found, snapshots.transaction)


@blueprint.post("/award", responses={201: schemas.Transaction, 200: schemas.Transaction})
def award_points(header: schemas.OnceHeader, body: schemas.AwardIn) -> Response:
    """Award points. A `source` that was awarded already is answered with its award, and 200."""
    keys.check_scope("points:write")
    source = Source(body.source.type, body.source.id) if body.source else None

    def do(session: Session) -> Done:
        outcome = acts.award(
            session,
            workspace_id=keys.workspace_id(),
            member_id=body.account_id,
            points=body.points,
            reason=body.reason,
            metadata=body.metadata,
            source=source,
            by=keys.actor(),
        )
        shape = snapshots.transaction(outcome.value)
        return Done(shape, 200 if outcome.replayed else 201, outcome.replayed)

    return idempotent.act(schemas.Transaction, do, key=idempotent.key_of(header))


@blueprint.post("/award-batch", responses={200: schemas.AwardBatch})
def award_points_batch(header: schemas.OnceHeader, body: schemas.AwardBatchIn) -> Response:
    """Award points to many at once, up to 1,000 awards, each with its own key and outcome.

    An award that is refused leaves the others alone. The keys are those of single awards: what was
    made by one call is not made again by the other. A key in the header is the whole batch's: it
    is answered as the first time, refusals too.
    """
    keys.check_scope("points:write")
    wanted = [
        _wanted(each, raw) for each, raw in zip(body.awards, g.json_body["awards"], strict=True)
    ]

    key = idempotent.key_of(header)
    for index, each in enumerate(wanted):
        if key is not None and each.key.key == key.key:
            raise InvalidParameter(
                f"awards.{index}.idempotencyKey",
                "This is the key of the whole batch. Give each award one of its own.",
            )

    def do(session: Session) -> Done:
        results = batches.award_all(
            session, workspace_id=keys.workspace_id(), wanted=wanted, by=keys.actor()
        )
        outcomes = [
            _outcome(session, each.key, result)
            for each, result in zip(wanted, results, strict=True)
        ]
        return Done({"object": "award_batch", "data": outcomes})

    return idempotent.act(schemas.AwardBatch, do, key=key)


def _wanted(each: schemas.BatchAwardIn, raw: dict[str, Any]) -> Wanted:
    body = {name: value for name, value in raw.items() if name != "idempotencyKey"}
    asked = idempotency.fingerprint(f"POST {_AWARD_PATH}", {"body": body})
    source = Source(each.source.type, each.source.id) if each.source else None
    return Wanted(
        each.account_id,
        Award(points=each.points, reason=each.reason, metadata=each.metadata, source=source),
        IdempotencyKey(idempotent.SCOPE, each.idempotency_key, asked),
    )


def _outcome(session: Session, key: IdempotencyKey, result: BatchResult) -> JsonObject:
    """Shape what became of an award, and keep its answer under its key if it was made now."""
    told: JsonObject = {"idempotencyKey": key.key, "transaction": None, "error": None}
    if isinstance(result, RegularsError):
        status = int(status_of(result))
        # Here the key is a field, and no header.
        param = "idempotencyKey" if isinstance(result, IdempotencyConflict) else result.param
        failure = Failure(status=status, code=result.code, message=result.message, param=param)
        error = responses.error_detail(failure)
        return {**told, "status": status, "replayed": False, "error": error}
    shape = responses.with_mode(snapshots.transaction(result.value))
    status = 200 if result.replayed == Replayed.SOURCE else 201
    if result.replayed != Replayed.KEY:
        idempotency.keep(
            session,
            workspace_id=keys.workspace_id(),
            key=key,
            result_id=result.value.id,
            answer=Answer(status, responses.text_of(schemas.Transaction, shape)),
        )
    return {**told, "status": status, "replayed": bool(result.replayed), "transaction": shape}


@blueprint.post("/reverse", responses={201: schemas.Transaction})
def reverse_points(header: schemas.OnceHeader, body: schemas.ReverseIn) -> Response:
    """Take an award back, whole or in part. The balance may go below zero."""
    keys.check_scope("points:write")

    def do(session: Session) -> Done:
        with idempotent.naming("transactionId"):
            entry = acts.reverse(
                session,
                workspace_id=keys.workspace_id(),
                entry_id=body.transaction_id,
                points=body.points,
                reason=body.reason,
                metadata=body.metadata,
                by=keys.actor(),
            )
        return Done(snapshots.transaction(entry), 201)

    return idempotent.act(schemas.Transaction, do, key=idempotent.key_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.Transaction})
def retrieve_points(path: schemas.IdPath) -> Response:
    """Retrieve one transaction."""
    keys.check_scope("points:read")
    with reading() as session:
        found = acts.get_entry(session, workspace_id=keys.workspace_id(), entry_id=path.id)
    return responses.one(schemas.Transaction, snapshots.transaction(found))
