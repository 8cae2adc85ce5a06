"""The audit log: every act of staff and keys (spec section 7)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, UtcDateTime
from app.models.columns import CALLER_ID_CHARACTERS, ID_CHARACTERS, JsonObject, json_column_type

OF_THE_MERCHANT = "substr(act, 1, 6) = 'staff.' AND act <> 'staff.bind'"
"""SQL: the acts that belong to no workspace, such as sign-ins, invitations, PINs and limits.

They are kept in Live and shown in both workspaces. `staff.bind` names shops of one workspace.
"""


def is_of_the_merchant(act: str) -> bool:
    """Return for one act what `OF_THE_MERCHANT` selects in SQL."""
    return act.startswith("staff.") and act != "staff.bind"


class AuditEntry(Base):
    """Who did what, when, where, with the state before and after.

    Acts that belong to no workspace (`OF_THE_MERCHANT`) are kept in the live one.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_member", "workspace_id", "member_id", "id"),
        Index("ix_audit_entries_request", "workspace_id", "request_id"),
        Index("ix_audit_entries_subject", "workspace_id", "subject_id"),
        Index("ix_audit_entries_actor", "workspace_id", "actor_id", "id"),
        Index("ix_audit_entries_act", "workspace_id", "act", "id"),
        Index(
            "ix_audit_entries_of_the_merchant",
            "workspace_id",
            "id",
            sqlite_where=text(OF_THE_MERCHANT),
            postgresql_where=text(OF_THE_MERCHANT),
        ),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    act: Mapped[str] = mapped_column(String(60))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    location_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    device_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    member_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    subject_id: Mapped[str | None] = mapped_column(String(CALLER_ID_CHARACTERS))
    before: Mapped[JsonObject | None] = mapped_column(json_column_type())
    after: Mapped[JsonObject | None] = mapped_column(json_column_type())
    request_id: Mapped[str | None] = mapped_column(String(64))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)


_REFUSAL = "audit entries are append-only"

SQLITE_TRIGGERS = (
    f"""
    CREATE TRIGGER audit_entries_refuse_update BEFORE UPDATE ON audit_entries
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END
    """,
    f"""
    CREATE TRIGGER audit_entries_refuse_delete BEFORE DELETE ON audit_entries
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END
    """,
    # INSERT OR REPLACE deletes without a DELETE trigger, so a taken place is refused beforehand.
    """
    CREATE TRIGGER audit_entries_refuse_replace BEFORE INSERT ON audit_entries
    WHEN EXISTS (SELECT 1 FROM audit_entries a
                 WHERE a.workspace_id = NEW.workspace_id AND a.id = NEW.id)
      OR EXISTS (SELECT 1 FROM audit_entries a WHERE a.rowid = NEW.rowid)
    BEGIN SELECT RAISE(ABORT, 'audit entries are append-only'); END
    """,
)
"""What makes the audit log append-only on SQLite; run by a migration."""

POSTGRESQL_TRIGGERS = (
    f"""
    CREATE FUNCTION audit_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_entries_refuse_change BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION audit_entries_refuse()
    """,
    """
    CREATE TRIGGER audit_entries_refuse_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_refuse()
    """,
)
"""The same on PostgreSQL."""
