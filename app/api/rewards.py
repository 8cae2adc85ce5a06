"""Rewards over HTTP."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, parsing, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import check_filters, page_request
from app.http import keys
from app.http.database import reading
from app.services import rewards, snapshots
from app.services.rewards import Terms

blueprint = blueprints.make("rewards", "/loyalty/rewards", "What points buy.")


@blueprint.get("", responses={200: schemas.RewardList})
def list_rewards(query: schemas.RewardsQuery) -> Response:
    """List rewards."""
    keys.check_scope("rewards:read")
    with reading() as session:
        check_filters(session, program_id=query.program_id)
        found = rewards.list_rewards(
            session,
            workspace_id=keys.workspace_id(),
            page=page_request(query),
            program_id=query.program_id,
            status=query.status,
        )
    return responses.many(schemas.RewardList, found, snapshots.reward)


@blueprint.post("", responses={201: schemas.Reward})
def create_reward(header: schemas.OnceHeader, body: schemas.RewardIn) -> Response:
    """Create a reward."""
    keys.check_scope("rewards:write")
    given = body.root.model_dump(by_alias=False, exclude={"program_id", "metadata"})

    def do(session: Session) -> Done:
        made = rewards.create(
            session,
            workspace_id=keys.workspace_id(),
            program_id=body.root.program_id,
            terms=Terms(**given),
            metadata=body.root.metadata,
            by=keys.actor(),
        )
        return Done(snapshots.reward(made), 201)

    return idempotent.act(schemas.Reward, do, key=idempotent.key_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.Reward})
def retrieve_reward(path: schemas.IdPath) -> Response:
    """Retrieve a reward."""
    keys.check_scope("rewards:read")
    with reading() as session:
        found = rewards.get_reward(session, workspace_id=keys.workspace_id(), reward_id=path.id)
    return responses.one(schemas.Reward, snapshots.reward(found))


@blueprint.patch("/<our_id:id>", responses={200: schemas.Reward})
def update_reward(path: schemas.IdPath, body: schemas.RewardChanges) -> Response:
    """Update a reward. What was redeemed before keeps the points it cost."""
    keys.check_scope("rewards:write")
    changes = body.model_dump(exclude_unset=True, by_alias=False)
    return idempotent.act(
        schemas.Reward,
        lambda session: Done(
            snapshots.reward(
                rewards.edit(
                    session,
                    workspace_id=keys.workspace_id(),
                    reward_id=path.id,
                    changes=changes,
                    by=keys.actor(),
                )
            )
        ),
    )


@blueprint.post("/<our_id:id>/archive", responses={200: schemas.Reward})
def archive_reward(path: schemas.IdPath, header: schemas.OnceHeader) -> Response:
    """Stop offering a reward. What was redeemed stays good."""
    keys.check_scope("rewards:write")
    parsing.refuse_any_body()
    return idempotent.act(
        schemas.Reward,
        lambda session: Done(
            snapshots.reward(
                rewards.archive(
                    session,
                    workspace_id=keys.workspace_id(),
                    reward_id=path.id,
                    by=keys.actor(),
                )
            )
        ),
        key=idempotent.key_of(header),
    )
