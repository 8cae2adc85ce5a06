"""The people and things that most tests know by name."""

from __future__ import annotations

from dataclasses import dataclass

from app.db.database import Database
from app.rules.actors import Actor


@dataclass(frozen=True, kw_only=True)
class Cast:
    """A coffee shop: its sandbox and live workspace, one program with three tiers, its staff."""

    database: Database
    merchant_id: str
    workspace_id: str
    live_workspace_id: str
    program_id: str
    location_id: str
    owner: Actor
    manager: Actor
    cashier: Actor
    viewer: Actor
