"""`flask --app wsgi ledger …`: checking the ledger."""

from __future__ import annotations

import click
from flask.cli import AppGroup
from sqlalchemy.orm import Session

from app.db import reading
from app.models.merchants import Workspace
from app.services import ledger_verify, merchants

group = AppGroup("ledger", help="Check the ledger.")


@group.command()
@click.option("--workspace", "workspace_id", help="Only this workspace (ws_…).")
def verify(workspace_id: str | None) -> None:
    """Walk every chain and recompute everything; exit 1 and name the first entry that is wrong."""
    with reading() as session:
        known = merchants.list_workspaces(session)
    chosen = [each for each in known if workspace_id in {None, each.id}]
    if not chosen:
        raise click.ClickException("There is no such workspace.")
    reports = [_verify(workspace) for workspace in chosen]
    if any(report.fault for report in reports):
        raise SystemExit(1)


@group.command()
def heads() -> None:
    """Print where all chains stand, a line per workspace: equal lines are equal ledgers."""
    with reading() as session:
        print_heads(session)


def print_heads(session: Session) -> None:
    """Print where all chains stand, as this session sees them."""
    for workspace in merchants.list_workspaces(session):
        found = ledger_verify.read_heads(session, workspace_id=workspace.id)
        click.echo(
            f"{workspace.id} {workspace.mode}: {found.entry_count:,} entries of "
            f"{found.member_count:,} members, heads {found.digest}"
        )


def _verify(workspace: Workspace) -> ledger_verify.Report:
    with reading() as session:
        report = ledger_verify.verify_workspace(
            session,
            workspace_id=workspace.id,
            progress=lambda count: click.echo(f"{count:,} entries read …", err=True),
        )
    counts = (
        f"{report.entry_count:,} entries of {report.member_count:,} members, "
        f"{report.reward_count:,} rewards"
    )
    click.echo(f"{workspace.id} {workspace.mode}: {counts}: {report.fault or 'all fit.'}")
    return report
