"""Spreading the tables of a PostgreSQL with Citus over its machines, a workspace on one of them.

Citus takes no triggers on distributed tables, so that what makes the ledger and the audit log
append-only there are grants: the processes connect as a role that owns nothing. The steps are not
one transaction. Each looks what is done already, so that a run that was broken off is run again.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from sqlalchemy import Connection, Engine, ForeignKeyConstraint, Table, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import AddConstraint, DropConstraint

from app.models import registry

LOCAL = frozenset({"rate_buckets", "sign_in_throttles", "spent_challenges"})
"""What nothing refers to and requests write all the time: on the coordinator alone."""

APPEND_ONLY = ("ledger_entries", "audit_entries")

_PREPARER = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]


class DistributionError(Exception):
    """It cannot be done; the message says why."""


def distribute(engine: Engine, role: str) -> Generator[str]:
    """Distribute all tables, and say what was done, step by step.

    Args:
        role: whom web and worker processes connect as; never the owner of the tables.

    Raises:
        DistributionError: the server has no Citus, or the role is unknown or owns the tables.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        _check(connection, role)
        yield _drop_triggers(connection)
        tables = registry.metadata.sorted_tables
        known = _distributed(connection)
        due = [each for each in tables if each.name not in LOCAL and each.name not in known]
        if due:
            # A table that one refers to cannot be distributed while the other is not.
            yield _drop_foreign_keys(connection, tables)
        for table in due:
            yield _distribute_one(connection, table)
        yield _add_foreign_keys(connection, tables)
        yield _grant(connection, tables, role)


def _check(connection: Connection, role: str) -> None:
    has_citus = connection.scalar(text("SELECT to_regclass('pg_dist_partition') IS NOT NULL"))
    if not has_citus:
        raise DistributionError(
            "This database has no Citus: CREATE EXTENSION citus, and add the other machines with "
            "citus_set_coordinator_host and citus_add_node."
        )
    if not connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}):
        raise DistributionError(f"There is no role {role}: CREATE ROLE it, with LOGIN.")
    rights = connection.execute(
        text(
            "SELECT rolsuper, EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema() "
            "AND pg_has_role(:role, tableowner, 'MEMBER')) AS owns "
            "FROM pg_roles WHERE rolname = :role"
        ),
        {"role": role},
    ).one()
    if rights.rolsuper or rights.owns:
        raise DistributionError(
            f"The role {role} owns the tables or is a superuser, and no grant binds it. Migrate as "
            "an owner of its own, and let the processes connect as another role."
        )


def _distributed(connection: Connection) -> set[str]:
    names = text(
        "SELECT relname FROM pg_dist_partition JOIN pg_class ON pg_class.oid = logicalrelid"
    )
    return set(connection.scalars(names))


def _drop_triggers(connection: Connection) -> str:
    found = connection.execute(
        text(
            "SELECT tgname, relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid "
            "WHERE NOT tgisinternal AND relname = ANY(:tables)"
        ),
        {"tables": list(APPEND_ONLY)},
    ).all()
    for trigger in found:
        connection.execute(text(f"DROP TRIGGER {trigger.tgname} ON {trigger.relname}"))
    return f"{len(found)} triggers dropped; grants stand in for them."


def _drop_foreign_keys(connection: Connection, tables: Sequence[Table]) -> str:
    there = _foreign_keys(connection, tables)
    for key in _keys_of(tables):
        if key.name in there:
            connection.execute(DropConstraint(key))
    return f"{len(there)} foreign keys dropped, to be added again."


def _distribute_one(connection: Connection, table: Table) -> str:
    named = {"name": table.name}
    if "workspace_id" in table.c:
        connection.execute(text("SELECT create_distributed_table(:name, 'workspace_id')"), named)
        return f"{table.name}: by workspace."
    connection.execute(text("SELECT create_reference_table(:name)"), named)
    return f"{table.name}: on every machine."


def _add_foreign_keys(connection: Connection, tables: Sequence[Table]) -> str:
    there = _foreign_keys(connection, tables)
    missing = [key for key in _keys_of(tables) if key.name not in there]
    for key in missing:
        connection.execute(AddConstraint(key))
    return f"{len(missing)} foreign keys added."


def _keys_of(tables: Sequence[Table]) -> list[ForeignKeyConstraint]:
    return [
        key
        for table in tables
        for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
    ]


def _foreign_keys(connection: Connection, tables: Sequence[Table]) -> set[str]:
    found = inspect(connection)
    return {str(key["name"]) for table in tables for key in found.get_foreign_keys(table.name)}


def _grant(connection: Connection, tables: Sequence[Table], role: str) -> str:
    to = _PREPARER.quote(role)
    for table in tables:
        acts = "SELECT, INSERT" if table.name in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        connection.execute(text(f"REVOKE ALL ON {table.name} FROM PUBLIC, {to}"))
        connection.execute(text(f"GRANT {acts} ON {table.name} TO {to}"))
    connection.execute(text(f"GRANT SELECT ON alembic_version TO {to}"))
    return f"{role} reads and writes all tables, and only appends to {' and '.join(APPEND_ONLY)}."
