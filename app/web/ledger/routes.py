"""The ledger's acts from the dashboard: award, adjust, reverse, undo."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from app.http.access import requires
from app.http.actors import actor, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.models.members import Member
from app.rules import tiers
from app.rules.actors import Permission
from app.rules.ledger import Entry
from app.services.ledger import acts, history
from app.services.ledger.history import Row
from app.services.members import enrolment
from app.web.base_form import ActForm, RegularsForm
from app.web.filters import counted, number, signed
from app.web.ledger.forms import AdjustPointsForm, AwardPointsForm, ReverseForm
from app.web.ledger.undo import undo_entry
from app.web.members.words import crumbs_to, name_of
from app.web.responses import go, part_page, redirect_to

blueprint = Blueprint("ledger", __name__)


@dataclass(frozen=True)
class Effect:
    """What a reversal would do, shown before it is done.

    Attributes:
        points: what would be taken back.
        tier_before, tier_after: names, or None where there are no tiers.
    """

    points: int
    balance_before: int
    balance_after: int
    tier_before: str | None
    tier_after: str | None

    @property
    def owed_points(self) -> int:
        """What the member would owe."""
        return max(0, -self.balance_after)


@blueprint.get("/ledger/<entry_id>")
@requires(Permission.READ)
def show(entry_id: str) -> Response:
    """Go to an entry on its member's page."""
    with reading() as session:
        entry = acts.get_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
    address = url_for("members.show", member_id=entry.member_id, before=entry.seq + 1)
    return redirect_to(f"{address}#{entry.id}")


@blueprint.get("/members/<member_id>/award")
@requires(Permission.AWARD)
def award_form(member_id: str) -> Response:
    """Show the form to award points."""
    return _act_page("award", AwardPointsForm(), _get_member(member_id))


@blueprint.post("/members/<member_id>/award")
@requires(Permission.AWARD)
def award(member_id: str) -> Response:
    """Award points."""
    form, member = AwardPointsForm(), _get_member(member_id)
    sent = form.submit_approved(
        lambda session, approval: (
            acts.award(
                session,
                workspace_id=workspace_id(),
                member_id=member_id,
                points=form.points.data or 0,
                reason=form.reason.data or "",
                note=form.note.data or "",
                by=actor(),
                approval=approval,
            ).value
        ),
        _find,
    )
    if sent is None:
        return _act_page("award", form, member)
    _say_done(
        f"{counted(sent.value.points, 'point', signed)} for {name_of(member)}.",
        replayed=bool(sent.replayed),
        undo=url_for("ledger.undo", entry_id=sent.value.id),
    )
    return go(url_for("members.show", member_id=member_id))


@blueprint.get("/members/<member_id>/adjust")
@requires(Permission.ADJUST)
def adjust_form(member_id: str) -> Response:
    """Show the form to correct a balance."""
    return _act_page("adjust", AdjustPointsForm(), _get_member(member_id))


@blueprint.post("/members/<member_id>/adjust")
@requires(Permission.ADJUST)
def adjust(member_id: str) -> Response:
    """Correct a balance."""
    form, member = AdjustPointsForm(), _get_member(member_id)
    sent = form.submit_approved(
        lambda session, approval: acts.adjust(
            session,
            workspace_id=workspace_id(),
            member_id=member_id,
            points=form.points.data or 0,
            reason=form.reason.data or "",
            note=form.note.data or "",
            allow_negative=bool(form.allow_negative.data),
            by=actor(),
            approval=approval,
        ),
        _find,
    )
    if sent is None:
        return _act_page("adjust", form, member)
    entry = sent.value
    _say_done(
        f"Adjusted by {signed(entry.points)}. The balance is {number(entry.balance_after)}.",
        replayed=bool(sent.replayed),
        undo=url_for("ledger.undo", entry_id=entry.id) if entry.points > 0 else None,
    )
    return go(url_for("members.show", member_id=member_id))


@blueprint.get("/ledger/<entry_id>/reverse")
@requires(Permission.UNDO_OWN)
def reverse_form(entry_id: str) -> Response:
    """Show what reversing an award would do."""
    member, row = _get_row(entry_id)
    return _reverse_page(ReverseForm(), member, row)


@blueprint.get("/ledger/<entry_id>/effect")
@requires(Permission.UNDO_OWN)
def effect(entry_id: str) -> Response:
    """Show the effect of the part that is being typed."""
    member, row = _get_row(entry_id)
    points = ReverseForm(formdata=request.args).asked_points()
    return part_page(
        "ledger/_effect.html",
        title="Effect of a reversal",
        in_card=False,
        member=member,
        row=row,
        effect=_effect(member, row, points),
    )


@blueprint.post("/ledger/<entry_id>/reverse")
@requires(Permission.UNDO_OWN)
def reverse(entry_id: str) -> Response:
    """Reverse an award, whole or in part."""
    form = ReverseForm()
    sent = form.submit_once(
        lambda session: acts.reverse(
            session,
            workspace_id=workspace_id(),
            entry_id=entry_id,
            points=form.asked_points(),
            reason=form.reason.data or "",
            by=actor(),
        ),
        _find,
    )
    member, row = _get_row(entry_id)
    if sent is None:
        return _reverse_page(form, member, row)
    entry = sent.value
    _say_done(
        f"{counted(-entry.points, 'point')} reversed for {name_of(member)}. "
        f"The balance is {number(entry.balance_after)}.",
        replayed=bool(sent.replayed),
    )
    return go(url_for("members.show", member_id=member.id))


@blueprint.post("/ledger/<entry_id>/undo")
@requires(Permission.UNDO_OWN)
def undo(entry_id: str) -> Response:
    """Take back the act just done. Two presses undo once."""
    member, _row = _get_row(entry_id)
    form = ActForm()
    entry = form.attempt(lambda: undo_entry(entry_id)) if form.validate_on_submit() else None
    say(f"Undone. The balance is {number(entry.balance_after)}." if entry else form.problem)
    return go(url_for("members.show", member_id=member.id))


def _find(session: Session, entry_id: str) -> Entry:
    return acts.read_entry(session, workspace_id=workspace_id(), entry_id=entry_id)


def _get_member(member_id: str) -> Member:
    with reading() as session:
        return enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)


def _get_row(entry_id: str) -> tuple[Member, Row]:
    with reading() as session:
        entry = acts.get_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
        member = enrolment.get_member(
            session, workspace_id=workspace_id(), member_id=entry.member_id
        )
        return member, history.get_row(session, member=member, entry_id=entry_id)


def _act_page(act: str, form: RegularsForm, member: Member) -> Response:
    return part_page(
        f"ledger/_{act}_form.html",
        title=f"{act.capitalize()}, {name_of(member)}",
        heading=f"{act.capitalize()} points",
        crumbs=crumbs_to(member),
        form=form,
        member=member,
    )


def _reverse_page(form: ReverseForm, member: Member, row: Row) -> Response:
    return part_page(
        "ledger/_reverse_form.html",
        title=f"Reverse, {name_of(member)}",
        heading="Reverse an award",
        crumbs=crumbs_to(member),
        form=form,
        member=member,
        row=row,
        effect=_effect(member, row, form.asked_points()),
    )


def _effect(member: Member, row: Row, points: int | None) -> Effect:
    points = row.left_points if points is None else min(points, row.left_points)
    counts_for_tier = row.entry.kind == "award"
    qualifying = member.qualifying_points - (points if counts_for_tier else 0)
    known = member.program.tiers
    return Effect(
        points=points,
        balance_before=member.balance,
        balance_after=member.balance - points,
        tier_before=tiers.name_of(member.tier, known),
        tier_after=tiers.name_of(tiers.tier_key(qualifying, known), known),
    )


def _say_done(text: str, *, replayed: bool, undo: str | None = None) -> None:
    if replayed:
        text = f"This was sent before and counted once: {text}"
    say(text, undo=undo)
