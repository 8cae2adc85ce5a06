"""Programs over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import page_request
from app.http import keys
from app.http.database import reading
from app.services import programs, snapshots, workspaces
from app.services.programs import Rules

blueprint = blueprints.make(
    "programs", "/loyalty/programs", "How points are called, earned and valued, and the tiers."
)


@blueprint.get("", responses={200: schemas.ProgramList})
def list_programs(query: schemas.ListQuery) -> Response:
    """List programs."""
    keys.check_scope("programs:read")
    with reading() as session:
        found = programs.list_page(
            session, workspace_id=keys.workspace_id(), page=page_request(query)
        )
    return responses.many(schemas.ProgramList, found, snapshots.program)


@blueprint.post("", responses={201: schemas.Program})
def create_program(header: schemas.OnceHeader, body: schemas.ProgramIn) -> Response:
    """Create a program."""
    keys.check_scope("programs:write")

    def do(session: Session) -> Done:
        made = programs.create(
            session,
            workspace_id=keys.workspace_id(),
            rules=_rules(session, body),
            metadata=body.metadata,
            by=keys.actor(),
        )
        return Done(snapshots.program(made), 201)

    return idempotent.act(schemas.Program, do, key=idempotent.key_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.Program})
def retrieve_program(path: schemas.IdPath) -> Response:
    """Retrieve a program."""
    keys.check_scope("programs:read")
    with reading() as session:
        found = programs.get_program(session, workspace_id=keys.workspace_id(), program_id=path.id)
    return responses.one(schemas.Program, snapshots.program(found))


@blueprint.patch("/<our_id:id>", responses={200: schemas.Program})
def update_program(path: schemas.IdPath, body: schemas.ProgramChanges) -> Response:
    """Update a program. Members move to the tiers that the new thresholds give them."""
    keys.check_scope("programs:write")
    changes = _plain(body.model_dump(exclude_unset=True, by_alias=False))
    return idempotent.act(
        schemas.Program,
        lambda session: Done(
            snapshots.program(
                programs.edit(
                    session,
                    workspace_id=keys.workspace_id(),
                    program_id=path.id,
                    changes=changes,
                    by=keys.actor(),
                )
            )
        ),
    )


def _rules(session: Session, body: schemas.ProgramIn) -> Rules:
    zone = (
        body.time_zone
        or workspaces.get_merchant(
            session, merchant_id=keys.caller().workspace.merchant_id
        ).time_zone
    )
    given = _plain(body.model_dump(by_alias=False, exclude={"metadata"}))
    return Rules(**{**given, "time_zone": zone})


def _plain(given: dict[str, Any]) -> dict[str, Any]:
    """Give a program's fields as the services call them."""
    names = {"point_value": "point_value_thousandths", "earn_rate": "earn_points_per_unit"}
    plain = {names.get(name, name): value for name, value in given.items()}
    if "point_value_thousandths" in plain:
        plain["point_value_thousandths"] = round(plain["point_value_thousandths"] * 1000)
    if "tiers" in plain:
        plain["tiers"] = [_plain_tier(tier) for tier in plain["tiers"]]
    if plain.get("time_zone", "") is None:
        del plain["time_zone"]
    return plain


def _plain_tier(given: dict[str, Any]) -> dict[str, Any]:
    multiplier = given.pop("multiplier", 1)
    return {**given, "multiplier_hundredths": round(multiplier * 100)}
