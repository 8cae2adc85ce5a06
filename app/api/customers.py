"""Customers over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from app.api import blueprints, idempotent, responses, schemas
from app.api.idempotent import Done
from app.api.list_params import page_request
from app.http import keys
from app.http.database import reading
from app.services import snapshots
from app.services.members import customers
from app.services.members.customers import Person

blueprint = blueprints.make("customers", "/customers", "People, with or without a program.")


@blueprint.get("", responses={200: schemas.CustomerList})
def list_customers(query: schemas.CustomersQuery) -> Response:
    """List customers."""
    keys.check_scope("customers:read")
    with reading() as session:
        found = customers.list_customers(
            session,
            workspace_id=keys.workspace_id(),
            page=page_request(query),
            email=query.email,
        )
    return responses.many(schemas.CustomerList, found, snapshots.customer)


@blueprint.post("", responses={201: schemas.Customer})
def create_customer(header: schemas.OnceHeader, body: schemas.CustomerIn) -> Response:
    """Create a customer."""
    keys.check_scope("customers:write")
    given = _plain(body.model_dump(by_alias=False, exclude={"id", "metadata"}))

    def do(session: Session) -> Done:
        made = customers.create(
            session,
            workspace_id=keys.workspace_id(),
            customer_id=body.id,
            person=Person(**given),
            metadata=body.metadata,
            by=keys.actor(),
        )
        return Done(snapshots.customer(made), 201)

    return idempotent.act(schemas.Customer, do, key=idempotent.key_of(header))


@blueprint.get("/<callers_id:id>", responses={200: schemas.Customer})
def retrieve_customer(path: schemas.CustomerPath) -> Response:
    """Retrieve a customer."""
    keys.check_scope("customers:read")
    with reading() as session:
        found = customers.get_customer(
            session, workspace_id=keys.workspace_id(), customer_id=path.id
        )
    return responses.one(schemas.Customer, snapshots.customer(found))


@blueprint.patch("/<callers_id:id>", responses={200: schemas.Customer})
def update_customer(path: schemas.CustomerPath, body: schemas.CustomerChanges) -> Response:
    """Update a customer."""
    keys.check_scope("customers:write")
    changes = _plain(body.model_dump(exclude_unset=True, by_alias=False))
    return idempotent.act(
        schemas.Customer,
        lambda session: Done(
            snapshots.customer(
                customers.edit(
                    session,
                    workspace_id=keys.workspace_id(),
                    customer_id=path.id,
                    changes=changes,
                    by=keys.actor(),
                )
            )
        ),
    )


def _plain(given: dict[str, Any]) -> dict[str, Any]:
    """Give a record as the services keep it: what is not known is an empty text."""
    return {name: "" if value is None else value for name, value in given.items()}
