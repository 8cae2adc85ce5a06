"""Merchants: a business with its two workspaces."""

from __future__ import annotations

from collections.abc import Sequence

from babel.numbers import list_currencies
from sqlalchemy import select
from sqlalchemy.orm import Session

from app import clock, errors
from app.ids import new_id
from app.models.merchants import LIVE, SANDBOX, Merchant, Workspace
from app.rules import inputs
from app.services.staff import allowances


def create(
    session: Session, *, name: str, currency: str = "EUR", time_zone: str = "Europe/Dublin"
) -> Merchant:
    """Make a merchant with an empty sandbox and an empty live workspace.

    Raises:
        InvalidParameter: a part is out of bounds.
    """
    if currency not in list_currencies():
        raise errors.InvalidParameter("currency", "Give an ISO 4217 code, such as EUR.")
    inputs.checked_time_zone(time_zone)
    merchant = Merchant(
        id=new_id("mer"),
        name=inputs.checked_text(name, param="name", most=200, required=True),
        currency=currency,
        time_zone=time_zone,
        created_at=clock.now(),
    )
    session.add(merchant)
    session.flush()
    for mode in (SANDBOX, LIVE):
        session.add(
            Workspace(id=new_id("ws"), merchant_id=merchant.id, mode=mode, created_at=clock.now())
        )
    allowances.set_default(session, merchant_id=merchant.id)
    session.flush()
    return merchant


def list_merchants(session: Session) -> Sequence[Merchant]:
    """List the installation's merchants, the first one made first."""
    return session.scalars(select(Merchant).order_by(Merchant.id)).all()


def list_workspaces(session: Session) -> Sequence[Workspace]:
    """List all workspaces of the installation."""
    return session.scalars(select(Workspace).order_by(Workspace.id)).all()
