"""Rewards: the catalogue, the form with its live preview, archive and restore."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from app import clock
from app.errors import InvalidParameter, NotFound
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading, writing
from app.http.messages import say
from app.models.programs import Program
from app.models.rewards import Reward
from app.rules import inputs
from app.rules.actors import Permission
from app.services import programs, rewards
from app.web.base_form import is_pressed, press
from app.web.filters import long_day
from app.web.responses import go, page, part_page, redirect_to
from app.web.rewards.forms import RewardForm, values_of

blueprint = Blueprint("rewards", __name__, url_prefix="/rewards")


@blueprint.get("")
@requires(Permission.READ)
def index() -> Response:
    """Show the catalogue."""
    shows_archived = request.args.get("state") == "archived"
    with reading() as session:
        catalogue = rewards.list_catalogue(session, workspace_id=workspace_id())
        known_programs = programs.list_programs(session, workspace_id=workspace_id())
    archived = [row for row in catalogue if row.reward.is_archived]
    active = [row for row in catalogue if not row.reward.is_archived]
    return page(
        "rewards/index.html",
        rows=archived if shows_archived else active,
        active_count=len(active),
        archived_count=len(archived),
        shows_archived=shows_archived,
        tiers=programs.tier_names(known_programs),
        now=clock.now(),
    )


@blueprint.get("/new")
@requires(Permission.EDIT_REWARDS)
def new() -> Response:
    """Show an empty form."""
    with reading() as session:
        program = _first_program(session)
    if program is None:
        say("Set up the program first: a reward costs its points.")
        return redirect_to(url_for("programs.new"))
    return _form_page(_form(program), program)


@blueprint.post("/new")
@requires(Permission.EDIT_REWARDS)
def create() -> Response:
    """Define a reward."""
    with reading() as session:
        program = _needed_program(session)
    form = _form(program)
    sent = form.submit_once(
        lambda session: rewards.create(
            session,
            workspace_id=workspace_id(),
            program_id=program.id,
            terms=form.terms(),
            by=actor(),
        ),
        _find,
    )
    if sent is None:
        return _form_page(form, program)
    say(f"“{sent.value.name}” {_when(sent.value)}.")
    return go(url_for("rewards.index"))


@blueprint.get("/<reward_id>/edit")
@requires(Permission.EDIT_REWARDS)
def edit(reward_id: str) -> Response:
    """Show a reward's form."""
    reward, program = _get(reward_id)
    form = _form(program, reward, data=values_of(reward))
    return _form_page(form, program, reward)


@blueprint.post("/<reward_id>/edit")
@requires(Permission.EDIT_REWARDS)
def update(reward_id: str) -> Response:
    """Change a reward."""
    reward, program = _get(reward_id)
    form = _form(program, reward)
    sent = form.submit_once(
        lambda session: rewards.edit(
            session,
            workspace_id=workspace_id(),
            reward_id=reward_id,
            changes=form.changes(),
            by=actor(),
        ),
        _find,
    )
    if sent is None:
        return _form_page(form, program, reward)
    say(f"“{sent.value.name}” is saved. What was redeemed before keeps the points it cost.")
    return go(url_for("rewards.index"))


@blueprint.get("/preview")
@requires(Permission.EDIT_REWARDS)
def preview() -> Response:
    """Show how many members could afford what is being typed."""
    with reading() as session:
        program = _needed_program(session)
    form = _form(program, formdata=request.args)
    reach = _reach(program, form)
    return part_page(
        "rewards/_preview.html", title="Who can afford a reward", in_card=False, **reach
    )


@blueprint.post("/<reward_id>/archive")
@requires(Permission.EDIT_REWARDS)
def archive(reward_id: str) -> Response:
    """Stop offering a reward; Undo restores it."""
    before, _program = _get(reward_id)
    done = press(
        lambda session: rewards.archive(
            session, workspace_id=workspace_id(), reward_id=reward_id, by=actor()
        )
    )
    if done:
        say(
            f"“{done.value.name}” is no longer offered. What was redeemed stays good.",
            undo=url_for("rewards.restore", reward_id=reward_id, key=before.counter_key),
        )
    return go(url_for("rewards.index"))


@blueprint.post("/<reward_id>/restore")
@requires(Permission.EDIT_REWARDS)
def restore(reward_id: str) -> Response:
    """Offer an archived reward again."""
    key = request.args.get("key", "")
    if is_pressed():
        try:
            with writing() as session:
                reward = rewards.restore(
                    session,
                    workspace_id=workspace_id(),
                    reward_id=reward_id,
                    by=actor(),
                    counter_key=int(key) if key in set("123456789") else None,
                )
        except InvalidParameter:
            # The program has lost the tier meanwhile.
            say("It is kept for a tier that is gone. Choose another tier, then offer it again.")
            return go(url_for("rewards.edit", reward_id=reward_id))
        say(f"“{reward.name}” is offered again and {_when(reward)}.")
    return go(url_for("rewards.index"))


def _when(reward: Reward) -> str:
    """Say when a reward can be redeemed."""
    now = clock.now()
    if reward.ends_at and reward.ends_at <= now:
        return "cannot be redeemed: its last day is over"
    if reward.starts_at and reward.starts_at > now:
        return f"can be redeemed from {long_day(reward.starts_at)}"
    return "cannot be redeemed: none is left" if reward.stock == 0 else "can be redeemed now"


def _form(program: Program, reward: Reward | None = None, **values: Any) -> RewardForm:
    with reading() as session:
        catalogue = rewards.list_catalogue(
            session, workspace_id=workspace_id(), program_id=program.id
        )
    others = [row.reward for row in catalogue if reward is None or row.reward.id != reward.id]
    return RewardForm(
        program=program,
        zone=signed_in().merchant.time_zone,
        on_keys={each.counter_key: each.name for each in others if each.counter_key},
        **values,
    )


def _find(session: Session, reward_id: str) -> Reward:
    return rewards.get_reward(session, workspace_id=workspace_id(), reward_id=reward_id)


def _get(reward_id: str) -> tuple[Reward, Program]:
    with reading() as session:
        reward = rewards.get_reward(session, workspace_id=workspace_id(), reward_id=reward_id)
        program = programs.get_program(
            session, workspace_id=workspace_id(), program_id=reward.program_id
        )
    return reward, program


def _first_program(session: Session) -> Program | None:
    return next(iter(programs.list_programs(session, workspace_id=workspace_id())), None)


def _needed_program(session: Session) -> Program:
    program = _first_program(session)
    if program is None:
        raise NotFound("Set up the program first: a reward costs its points.")
    return program


def _form_page(form: RewardForm, program: Program, reward: Reward | None = None) -> Response:
    return page(
        "rewards/form.html", form=form, program=program, reward=reward, **_reach(program, form)
    )


def _reach(program: Program, form: RewardForm) -> dict[str, Any]:
    """Work out the preview of a form, as far as it is filled in."""
    cost = form.points_cost.data
    if cost is None or not 0 <= cost <= inputs.POINTS_COST_MAX:
        return {"reach": None, "cost": None, "stock": None}
    with reading() as session:
        reach = rewards.measure_reach(
            session, program=program, points_cost=cost, min_tier=form.min_tier.data or None
        )
    return {"reach": reach, "cost": cost, "stock": form.stock.data}
