"""`flask --app wsgi ledger …`: checking the ledger."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from app import clock
from app.cli.errors import Group
from app.http.database import reading, writing
from app.models.merchants import Workspace
from app.services import merchants
from app.services.ledger import checks
from app.services.ledger import verify as ledger_verify

group = Group("ledger", help="Check the ledger.")


@group.command()
@click.option("--workspace", "workspace_id", help="Only this workspace (ws_…).")
@click.option("--note", "is_noted", is_flag=True, help="Write the outcome down, for the metrics.")
def verify(workspace_id: str | None, *, is_noted: bool) -> None:
    """Walk every chain and recompute everything; exit 1 and name the first entry that is wrong."""
    with reading() as session:
        known = merchants.list_workspaces(session)
    chosen = [each for each in known if workspace_id in {None, each.id}]
    if not chosen:
        raise click.ClickException("There is no such workspace.")
    reports = [_verify(workspace, is_noted=is_noted) for workspace in chosen]
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


def _verify(workspace: Workspace, *, is_noted: bool) -> ledger_verify.Report:
    started_at = clock.now()
    with reading() as session:
        report = ledger_verify.verify_workspace(
            session,
            workspace_id=workspace.id,
            progress=lambda count: click.echo(f"{count:,} entries read …", err=True),
        )
    if is_noted:
        with writing() as session:
            checks.note(session, workspace_id=workspace.id, report=report, started_at=started_at)
    counts = (
        f"{report.entry_count:,} entries of {report.member_count:,} members, "
        f"{report.reward_count:,} rewards"
    )
    click.echo(f"{workspace.id} {workspace.mode}: {counts}: {report.fault or 'all fit.'}")
    return report
