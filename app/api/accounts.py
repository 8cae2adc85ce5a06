"""Loyalty accounts over HTTP: members, as the seed calls them."""

from __future__ import annotations

from flask import Response
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import check_filters, page_request
from app.http import keys
from app.http.database import reading
from app.models.columns import JsonObject
from app.models.members import Member
from app.services import snapshots
from app.services.members import enrolment

blueprint = blueprints.make("accounts", "/loyalty/accounts", "One customer in one program.")


@blueprint.get("", responses={200: schemas.AccountList})
def list_accounts(query: schemas.AccountsQuery) -> Response:
    """List accounts."""
    keys.check_scope("accounts:read")
    _check_may_expand(query.expand)
    with reading() as session:
        check_filters(session, program_id=query.program_id)
        found = enrolment.list_members(
            session,
            workspace_id=keys.workspace_id(),
            page=page_request(query),
            program_id=query.program_id,
            customer_id=query.customer_id,
        )
    return responses.many(schemas.AccountList, found, lambda each: _shape(each, query.expand))


@blueprint.post("", responses={200: schemas.Account, 201: schemas.Account})
def create_account(header: schemas.OnceHeader, body: schemas.AccountIn) -> Response:
    """Enrol a customer. Who is a member already is answered as they are, with 200."""
    keys.check_scope("accounts:write")

    def do(session: Session) -> Done:
        outcome = enrolment.enrol(
            session,
            workspace_id=keys.workspace_id(),
            program_id=body.program_id,
            customer_id=body.customer_id,
            metadata=body.metadata,
            by=keys.actor(),
        )
        return Done(snapshots.account(outcome.value), 200 if outcome.replayed else 201)

    return idempotent.act(schemas.Account, do, key=idempotent.key_of(header))


@blueprint.get("/<our_id:id>", responses={200: schemas.Account})
def retrieve_account(path: schemas.IdPath, query: schemas.AccountQuery) -> Response:
    """Retrieve an account with its balance."""
    keys.check_scope("accounts:read")
    _check_may_expand(query.expand)
    with reading() as session:
        found = enrolment.get_member(session, workspace_id=keys.workspace_id(), member_id=path.id)
    return responses.one(schemas.Account, _shape(found, query.expand))


def _check_may_expand(expand: str | None) -> None:
    if expand:
        keys.check_scope("customers:read")


def _shape(member: Member, expand: str | None) -> JsonObject:
    shape = snapshots.account(member)
    return {**shape, "customer": snapshots.customer(member.customer)} if expand else shape
