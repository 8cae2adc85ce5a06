"""Redemptions: redeem for a member, the list by state, hand over, cancel."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from app.http.access import requires
from app.http.actors import actor, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.http.paths import safe_path
from app.models.redemptions import Redemption
from app.rules.actors import Permission
from app.services import redemptions, rewards
from app.services.members import enrolment
from app.web.base_form import press
from app.web.filters import counted
from app.web.members.words import crumbs_to, name_of
from app.web.paging import shown_before
from app.web.redemptions.forms import CancelForm, RedeemForm
from app.web.redemptions.words import why_nothing_is_due
from app.web.responses import go, page, part_page

blueprint = Blueprint("redemptions", __name__)

STATUSES = {"confirmed": "To hand over", "fulfilled": "Handed over", "cancelled": "Cancelled"}


@blueprint.get("/redemptions")
@requires(Permission.READ)
def index() -> Response:
    """List redemptions by state, or find one by its code."""
    status = request.args.get("status", "")
    status = status if status in STATUSES else ""
    text = request.args.get("q", "").strip()
    with reading() as session:
        found = redemptions.list_redemptions(
            session,
            workspace_id=workspace_id(),
            status=status,
            text=text,
            after=request.args.get("after"),
        )
        elsewhere = None
        if text and status and not found.rows:
            elsewhere = redemptions.find_by_code(session, workspace_id=workspace_id(), text=text)
    return page(
        "redemptions/index.html",
        part="redemptions/_results.html",
        found=found,
        status_shown=status,
        text=text,
        statuses=STATUSES,
        elsewhere=elsewhere,
        shown=shown_before(request.args) + len(found.rows),
    )


@blueprint.get("/members/<member_id>/redeem")
@requires(Permission.REDEEM)
def redeem_form(member_id: str) -> Response:
    """Show what a member can have."""
    return _offers(RedeemForm(), member_id)


@blueprint.post("/members/<member_id>/redeem")
@requires(Permission.REDEEM)
def redeem(member_id: str) -> Response:
    """Buy a reward with a member's points."""
    form = RedeemForm()
    sent = form.submit_once(
        lambda session: redemptions.redeem(
            session,
            workspace_id=workspace_id(),
            member_id=member_id,
            reward_id=form.reward_id,
            expected_points=form.expected_points,
            by=actor(),
        ),
        lambda session, redemption_id: redemptions.read_redemption(
            session, workspace_id=workspace_id(), redemption_id=redemption_id
        ),
    )
    if sent is None:
        return _offers(form, member_id)
    redemption = _get(sent.value.id)
    again = "This was sent before and counted once: " if sent.replayed else ""
    say(
        f"{again}{redemption.reward.name}. Hand it over. Code {redemption.code_shown}.",
        undo=url_for("redemptions.cancel", redemption_id=redemption.id),
    )
    return go(url_for("members.show", member_id=member_id))


@blueprint.post("/redemptions/<redemption_id>/fulfil")
@requires(Permission.FULFIL)
def fulfil(redemption_id: str) -> Response:
    """Mark a redemption as handed over."""
    back = _back(_get(redemption_id))
    done = press(
        lambda session: redemptions.fulfil(
            session, workspace_id=workspace_id(), redemption_id=redemption_id, by=actor()
        )
    )
    if done:
        outcome = done.value
        say(why_nothing_is_due(outcome.value) if outcome.replayed else "Handed over.")
    return go(back)


@blueprint.get("/redemptions/<redemption_id>/cancel")
@requires(Permission.UNDO_OWN)
def cancel_form(redemption_id: str) -> Response:
    """Show what cancelling gives back."""
    return _cancel_page(CancelForm(), _get(redemption_id))


@blueprint.post("/redemptions/<redemption_id>/cancel")
@requires(Permission.UNDO_OWN)
def cancel(redemption_id: str) -> Response:
    """Cancel a redemption. Undo sends no reason, and the service has one for that."""
    form, redemption = CancelForm(), _get(redemption_id)
    back = _back(redemption)
    done = form.submit(
        lambda session: redemptions.cancel(
            session,
            workspace_id=workspace_id(),
            redemption_id=redemption_id,
            reason=form.reason.data or "Redemption cancelled",
            by=actor(),
        )
    )
    is_undo = form.reason.name not in request.form
    if done is None and not is_undo:
        return _cancel_page(form, redemption)
    if done is None:
        # The button of an Undo has no place for a refusal.
        say(form.problem)
    elif done.value.replayed:
        say("This was already cancelled. Nothing was given back twice.")
    else:
        say(f"Cancelled. {counted(done.value.value.points_spent, 'point')} given back.")
    return go(back)


def _get(redemption_id: str) -> Redemption:
    with reading() as session:
        return redemptions.get_redemption(
            session, workspace_id=workspace_id(), redemption_id=redemption_id
        )


def _back(redemption: Redemption) -> str:
    """Return the page to go on to: the list if the act came from there, else the member."""
    member = url_for("members.show", member_id=redemption.member_id)
    return safe_path(request.form.get("back"), member)


def _offers(form: RedeemForm, member_id: str) -> Response:
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
        offers = rewards.list_offers(session, member=member, tiers=member.program.tiers)
    return part_page(
        "redemptions/_redeem_form.html",
        title=f"Redeem, {name_of(member)}",
        heading="Redeem a reward",
        crumbs=crumbs_to(member),
        form=form,
        member=member,
        offers=offers,
    )


def _cancel_page(form: CancelForm, redemption: Redemption) -> Response:
    return part_page(
        "redemptions/_cancel_form.html",
        title="Cancel a redemption",
        crumbs=[(url_for("redemptions.index"), "Redemptions")],
        form=form,
        redemption=redemption,
        back=request.values.get("back", ""),
    )
