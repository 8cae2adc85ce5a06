"""Redemptions over HTTP."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, parsing, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import check_filters, page_request
from app.http import keys
from app.http.database import reading
from app.services import redemptions, snapshots

blueprint = blueprints.make(
    "redemptions", "/loyalty/redemptions", "One member's purchase of one reward: the proof."
)


@blueprint.get("", responses={200: schemas.RedemptionList})
def list_redemptions(query: schemas.RedemptionsQuery) -> Response:
    """List redemptions."""
    keys.check_scope("redemptions:read")
    with reading() as session:
        check_filters(session, account_id=query.account_id, reward_id=query.reward_id)
        found = redemptions.list_page(
            session,
            workspace_id=keys.workspace_id(),
            page=page_request(query),
            member_id=query.account_id,
            reward_id=query.reward_id,
            status=query.status,
        )
    return responses.many(schemas.RedemptionList, found, snapshots.redemption)


@blueprint.post("", responses={201: schemas.Redemption})
def create_redemption(header: schemas.OnceHeader, body: schemas.RedemptionIn) -> Response:
    """Redeem a reward. Points are taken only if all of it succeeds."""
    keys.check_scope("redemptions:write")

    def do(session: Session) -> Done:
        # The account is looked for first and names itself.
        with idempotent.naming("rewardId"):
            made = redemptions.redeem(
                session,
                workspace_id=keys.workspace_id(),
                member_id=body.account_id,
                reward_id=body.reward_id,
                metadata=body.metadata,
                by=keys.actor(),
            )
        return Done(snapshots.redemption(made), 201)

    return idempotent.act(schemas.Redemption, do, key=idempotent.key_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.Redemption})
def retrieve_redemption(path: schemas.IdPath) -> Response:
    """Retrieve a redemption."""
    keys.check_scope("redemptions:read")
    with reading() as session:
        found = redemptions.get_redemption(
            session, workspace_id=keys.workspace_id(), redemption_id=path.id
        )
    return responses.one(schemas.Redemption, snapshots.redemption(found))


@blueprint.post("/<our_id:id>/cancel", responses={200: schemas.Redemption})
def cancel_redemption(path: schemas.IdPath, header: schemas.OnceHeader) -> Response:
    """Give the points and the piece back. Cancelling twice moves nothing."""
    keys.check_scope("redemptions:write")
    parsing.refuse_any_body()
    return idempotent.act(
        schemas.Redemption,
        lambda session: Done(
            snapshots.redemption(
                redemptions.cancel(
                    session,
                    workspace_id=keys.workspace_id(),
                    redemption_id=path.id,
                    by=keys.actor(),
                ).value
            )
        ),
        key=idempotent.key_of(header),
    )


@blueprint.post("/<our_id:id>/fulfil", responses={200: schemas.Redemption})
def fulfil_redemption(path: schemas.IdPath, header: schemas.OnceHeader) -> Response:
    """Say that the benefit was given. Doing it twice changes nothing."""
    keys.check_scope("redemptions:write")
    parsing.refuse_any_body()
    return idempotent.act(
        schemas.Redemption,
        lambda session: Done(
            snapshots.redemption(
                redemptions.fulfil(
                    session,
                    workspace_id=keys.workspace_id(),
                    redemption_id=path.id,
                    by=keys.actor(),
                ).value
            )
        ),
        key=idempotent.key_of(header),
    )
