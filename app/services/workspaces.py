"""A merchant and their two workspaces, the sandbox and the live one."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import errors
from app.models.merchants import Merchant, Workspace


def get_workspace(session: Session, *, merchant_id: str, mode: str) -> Workspace:
    """Give a merchant's sandbox or live workspace.

    Raises:
        NotFound: `mode` is neither.
    """
    workspace = session.scalar(
        select(Workspace).where(Workspace.merchant_id == merchant_id, Workspace.mode == mode)
    )
    if workspace is None:
        raise errors.NotFound("There is no such workspace.")
    return workspace


def get_merchant(session: Session, *, merchant_id: str) -> Merchant:
    """Give a merchant.

    Raises:
        NotFound: no such merchant.
    """
    merchant = session.get(Merchant, merchant_id)
    if merchant is None:
        raise errors.NotFound("There is no such merchant.")
    return merchant
