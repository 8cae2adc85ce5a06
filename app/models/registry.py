"""All tables in one place, for the migrations and for whoever must know every table."""

from __future__ import annotations

from app.db.base import Base
from app.models import (  # noqa: F401 - importing a module registers its tables
    api_keys,
    api_requests,
    audit,
    cards,
    devices,
    idempotency,
    ledger,
    ledger_checks,
    members,
    merchants,
    outbox,
    payments,
    programs,
    redemptions,
    rewards,
    search,
    second_factors,
    staff,
    totals,
    webhooks,
)

metadata = Base.metadata

WORKSPACE_TABLES = frozenset(
    table.name for table in metadata.tables.values() if "workspace_id" in table.columns
)
"""The tables whose every statement names the workspace."""
