"""The points ledger: immutable lines, and the triggers that keep them so (spec section 2)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db.base import Base, UtcDateTime
from app.models.columns import (
    CALLER_ID_CHARACTERS,
    ID_CHARACTERS,
    TEXT_CHARACTERS,
    JsonObject,
    json_column_type,
    partial_index,
)
from app.models.members import Member

KINDS = ("award", "redemption", "reversal", "cancellation", "adjustment")


def _lean_index(name: str, column: str, *more: str) -> Index:
    """Give an index of the entries that have something in a column."""
    return partial_index(name, column, *more, where=f"{column} IS NOT NULL")


class LedgerEntry(Base):
    """One immutable line of a member's ledger.

    `reason`, `note` and `metadata` may hold personal data, so they enter the hash only as
    `text_digest`, which a random `salt` makes impossible to guess back. Erasing a person blanks the
    four; nothing else can ever change.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "member_id"], ["members.workspace_id", "members.id"]),
        ForeignKeyConstraint(
            ["workspace_id", "reverses_id"],
            ["ledger_entries.workspace_id", "ledger_entries.id"],
        ),
        ForeignKeyConstraint(
            ["workspace_id", "redemption_id"], ["redemptions.workspace_id", "redemptions.id"]
        ),
        UniqueConstraint("workspace_id", "member_id", "seq"),
        UniqueConstraint(
            "workspace_id",
            "source_type",
            "source_id",
            "source_rule",
            name="uq_ledger_entries_source",
        ),
        CheckConstraint(
            "kind IN ('award', 'redemption', 'reversal', 'cancellation', 'adjustment')", name="kind"
        ),
        CheckConstraint("seq > 0", name="seq"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="reverses"),
        CheckConstraint(
            "(kind IN ('redemption', 'cancellation')) = (redemption_id IS NOT NULL)",
            name="redemption",
        ),
        CheckConstraint(
            "CASE kind WHEN 'award' THEN points > 0 WHEN 'reversal' THEN points < 0 "
            "WHEN 'redemption' THEN points <= 0 WHEN 'cancellation' THEN points >= 0 "
            "ELSE points <> 0 END",
            name="sign",
        ),
        # A redemption may never leave less than nothing, whatever the code above believes.
        CheckConstraint("kind <> 'redemption' OR balance_after >= 0", name="redemption_covered"),
        Index("ix_ledger_entries_recorded", "workspace_id", "recorded_at", "id"),
        # Most entries have none of the three, and an award writes nothing into these indexes.
        _lean_index("ix_ledger_entries_reverses", "reverses_id"),
        _lean_index("ix_ledger_entries_redemption", "redemption_id"),
        _lean_index("ix_ledger_entries_approver", "approved_by", "recorded_at"),
        Index("ix_ledger_entries_actor", "workspace_id", "actor_id", "recorded_at"),
    )

    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"), primary_key=True)
    id: Mapped[str] = mapped_column(String(ID_CHARACTERS), primary_key=True)
    member_id: Mapped[str] = mapped_column(String(ID_CHARACTERS))
    seq: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(16))
    points: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    lifetime_after: Mapped[int] = mapped_column(BigInteger)
    qualifying_after: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str | None] = mapped_column(String(TEXT_CHARACTERS))
    note: Mapped[str | None] = mapped_column(String(TEXT_CHARACTERS))
    metadata_: Mapped[JsonObject | None] = mapped_column("metadata", json_column_type())
    salt: Mapped[str | None] = mapped_column(String(64))
    text_digest: Mapped[str] = mapped_column(String(64))
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    location_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    reverses_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    redemption_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    source_type: Mapped[str | None] = mapped_column(String(40))
    source_id: Mapped[str | None] = mapped_column(String(CALLER_ID_CHARACTERS))
    source_rule: Mapped[str | None] = mapped_column(String(40))
    device_id: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    approved_by: Mapped[str | None] = mapped_column(String(ID_CHARACTERS))
    hash: Mapped[str] = mapped_column(String(64))

    member: Mapped[Member] = relationship(lazy="raise", viewonly=True)


_BLANKABLE = ("reason", "note", "metadata", "salt")
_REFUSAL = "ledger entries are append-only"


def sqlite_update_trigger(columns: Sequence[str]) -> str:
    """Give the trigger that lets nothing of an entry change but its four texts, to nothing.

    Args:
        columns: all columns of the table, as it is when the trigger is made.
    """
    fixed = [name for name in columns if name not in _BLANKABLE]
    return f"""
    CREATE TRIGGER ledger_entries_refuse_update BEFORE UPDATE ON ledger_entries
    WHEN NOT ({" AND ".join(f"NEW.{name} IS NULL" for name in _BLANKABLE)}
              AND {" AND ".join(f"NEW.{name} IS OLD.{name}" for name in fixed)})
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END
    """


SQLITE_TRIGGERS = (
    f"""
    CREATE TRIGGER ledger_entries_refuse_delete BEFORE DELETE ON ledger_entries
    BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END
    """,
    # INSERT OR REPLACE deletes without a DELETE trigger, so a taken place is refused beforehand.
    # One EXISTS for each unique key: with OR inside of one, SQLite reads the whole ledger.
    """
    CREATE TRIGGER ledger_entries_refuse_replace BEFORE INSERT ON ledger_entries
    WHEN EXISTS (SELECT 1 FROM ledger_entries e WHERE e.rowid = NEW.rowid)
      OR EXISTS (SELECT 1 FROM ledger_entries e
                 WHERE e.workspace_id = NEW.workspace_id AND e.id = NEW.id)
      OR EXISTS (SELECT 1 FROM ledger_entries e
                 WHERE e.workspace_id = NEW.workspace_id
                   AND e.member_id = NEW.member_id AND e.seq = NEW.seq)
      OR EXISTS (SELECT 1 FROM ledger_entries e
                 WHERE e.workspace_id = NEW.workspace_id AND e.source_type = NEW.source_type
                   AND e.source_id = NEW.source_id AND e.source_rule = NEW.source_rule)
    BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END
    """,
)
"""What else makes the ledger append-only on SQLite; run by the migration that makes the table."""


def postgresql_function(columns: Sequence[str]) -> str:
    """Give the function of PostgreSQL's triggers; see `sqlite_update_trigger`."""
    fixed = [name for name in columns if name not in _BLANKABLE]
    return f"""
    CREATE OR REPLACE FUNCTION ledger_entries_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        IF {" AND ".join(f"NEW.{name} IS NULL" for name in _BLANKABLE)}
           AND {" AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in fixed)}
        THEN RETURN NEW; END IF;
      END IF;
      RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """


POSTGRESQL_TRIGGERS = (
    """
    CREATE TRIGGER ledger_entries_refuse_change BEFORE UPDATE OR DELETE ON ledger_entries
    FOR EACH ROW EXECUTE FUNCTION ledger_entries_refuse()
    """,
    """
    CREATE TRIGGER ledger_entries_refuse_truncate BEFORE TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_refuse()
    """,
)
"""The same on PostgreSQL."""
