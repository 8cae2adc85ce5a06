"""Program rules: how points are called, earned and valued, and which tiers there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from app.errors import InvalidParameter
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.models.programs import Program
from app.rules import tiers
from app.rules.actors import Permission
from app.rules.tiers import Tier
from app.services import locations, programs
from app.web.programs.forms import ProgramForm, values_of
from app.web.responses import go, page, part_page, redirect_to

blueprint = Blueprint("programs", __name__, url_prefix="/programs")


@blueprint.get("")
@requires(Permission.READ)
def index() -> Response:
    """List the programs, or go to the form of the first one."""
    with reading() as session:
        known = programs.list_programs(session, workspace_id=workspace_id())
        counts = programs.count_by_tier(session, workspace_id=workspace_id())
        shops = locations.list_all(session, workspace_id=workspace_id())
    return page("programs/index.html", programs=known, counts=counts, locations=shops)


@blueprint.get("/new")
@requires(Permission.EDIT_PROGRAMS)
def new() -> Response:
    """Show an empty form."""
    return _form_page(ProgramForm())


@blueprint.post("/new")
@requires(Permission.EDIT_PROGRAMS)
def create() -> Response:
    """Set up a program."""
    form = ProgramForm()
    sent = form.submit_once(
        lambda session: programs.create(
            session,
            workspace_id=workspace_id(),
            rules=form.rules(time_zone=signed_in().merchant.time_zone),
            by=actor(),
        ),
        _find,
    )
    if sent is None:
        return _form_page(form)
    say("The program is set up.")
    return redirect_to(url_for("reports.today"), 303)


@blueprint.get("/<program_id>/edit")
@requires(Permission.EDIT_PROGRAMS)
def edit(program_id: str) -> Response:
    """Show a program's form."""
    program = _get(program_id)
    return _form_page(ProgramForm(data=values_of(program)), program)


@blueprint.get("/<program_id>/preview")
@requires(Permission.EDIT_PROGRAMS)
def preview(program_id: str) -> Response:
    """Show who would change tiers by what is being typed."""
    program, form = _get(program_id), ProgramForm(formdata=request.args)
    moves = _moves(program, form)
    return part_page("programs/_preview.html", title="Who changes tier", in_card=False, **moves)


@blueprint.post("/<program_id>/edit")
@requires(Permission.EDIT_PROGRAMS)
def update(program_id: str) -> Response:
    """Change a program."""
    program, form = _get(program_id), ProgramForm()
    sent = form.submit_once(
        lambda session: programs.edit(
            session,
            workspace_id=workspace_id(),
            program_id=program_id,
            changes=form.changes(),
            by=actor(),
        ),
        _find,
    )
    if sent is None:
        return _form_page(form, program)
    say("Saved. Members are in the tiers that the new rules give them.")
    return go(url_for("programs.index"))


def _find(session: Session, program_id: str) -> Program:
    return programs.get_program(session, workspace_id=workspace_id(), program_id=program_id)


def _get(program_id: str) -> Program:
    with reading() as session:
        return programs.get_program(session, workspace_id=workspace_id(), program_id=program_id)


def _form_page(form: ProgramForm, program: Program | None = None) -> Response:
    moves = _moves(program, form) if program else {}
    return page("programs/form.html", form=form, program=program, **moves)


def _moves(program: Program, form: ProgramForm) -> dict[str, Any]:
    """Work out who would move, as lines of (from, to, goes up, count), or why that is not known."""
    try:
        typed = programs.checked_tiers(form.typed_tiers())
    except InvalidParameter as error:
        return {"moves": None, "problem": error.message}
    with reading() as session:
        moves = programs.count_moves(session, program=program, tiers=typed)
    lines = [
        (_tier_name(was, program.tiers), _tier_name(will, typed), _goes_up(was, will, typed), count)
        for (was, will), count in moves.counts.items()
    ]
    return {"moves": sorted(lines), "of": moves}


def _tier_name(key: str | None, known: Sequence[Tier]) -> str:
    return tiers.name_of(key, known) or "No tier"


def _goes_up(was: str | None, will: str | None, typed: Sequence[Tier]) -> bool:
    thresholds = {tier["key"]: tier["threshold"] for tier in typed}
    return thresholds.get(will or "", -1) > thresholds.get(was or "", -1)
