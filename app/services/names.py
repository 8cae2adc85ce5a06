"""The names behind the ids that lines of the ledger and of the audit log carry.

They are read apart from the lines. Joined to them, PostgreSQL takes ten times longer to plan the
statement than to run it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Select, select, union_all
from sqlalchemy.orm import Session

from app.models.api_keys import ApiKey
from app.models.devices import Device
from app.models.merchants import Workspace
from app.models.payments import PaymentSource
from app.models.programs import Location
from app.models.staff import Staff

_NAMED: dict[str, Any] = {
    "stf": Staff,
    "key": ApiKey,
    "src": PaymentSource,
    "lct": Location,
    "dev": Device,
}
"""What has a name, by the prefix of its ids."""


def read_names(
    session: Session, *, workspace_id: str, ids: Iterable[str | None]
) -> dict[str | None, str]:
    """Name people, API keys, sources of payments, shops and tills, by their ids.

    What is of another workspace, or has no name, is left out.
    """
    wanted: dict[str, set[str]] = {}
    for each in ids:
        if each is not None:
            wanted.setdefault(each.partition("_")[0], set()).add(each)
    parts = [
        _naming(workspace_id, _NAMED[prefix], wanted[prefix])
        for prefix in sorted(wanted)
        if prefix in _NAMED
    ]
    if not parts:
        return {}
    return {row.id: row.name for row in session.execute(union_all(*parts))}


def _naming(workspace_id: str, model: Any, ids: set[str]) -> Select[Any]:
    named = select(model.id, model.name).where(model.id.in_(sorted(ids)))
    columns = model.__table__.columns
    if "workspace_id" in columns:
        named = named.where(model.workspace_id == workspace_id)
    elif "mode" in columns:
        named = named.join(
            Workspace,
            (Workspace.merchant_id == model.merchant_id) & (Workspace.mode == model.mode),
        ).where(Workspace.id == workspace_id)
    return named
