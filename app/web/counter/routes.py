"""The counter: one box, a keypad of rewards, a slip. Every act is a plain form underneath.

The page is a stage that the acts swap, and an address that says what is on it: a reload shows
whether an act that got no answer has happened.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from werkzeug.datastructures import MultiDict

from app.http import pending_forms
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import UNDO_SECONDS
from app.http.pending_forms import counter_of
from app.rules.actors import Permission
from app.services import counter, redemptions
from app.services.counter import CounterPlace, Slip, Stage
from app.services.ledger import acts, purchases
from app.services.members import enrolment
from app.web.base_form import ActForm, RegularsForm
from app.web.counter.forms import CounterAwardForm
from app.web.filters import counted, money
from app.web.ledger.lines import who_did
from app.web.ledger.undo import undo_entry
from app.web.redemptions.forms import RedeemForm
from app.web.redemptions.words import why_nothing_is_due
from app.web.responses import page, part_page, redirect_to

blueprint = Blueprint("counter", __name__, url_prefix="/counter")


@blueprint.get("")
@requires(Permission.REDEEM)
def index() -> Response:
    """Show the counter: empty, with what was searched for, with a member, or with a slip."""
    shown = request.args
    if shown.get("redemption"):
        return _slip_of_redemption(shown["redemption"])
    if shown.get("award"):
        return _slip_of_award(shown["award"])
    if shown.get("member"):
        return _member(shown["member"])
    return _look_up(is_scanned="scanned" in shown)


@blueprint.get("/find")
@requires(Permission.REDEEM)
def find() -> Response:
    """List who matches while it is typed; nobody is opened before Enter."""
    response = _look_up(opens=False)
    # What is half typed is no step to come back to.
    response.headers["HX-Push-Url"] = "false"
    return response


@blueprint.get("/members/<member_id>/earns")
@requires(Permission.REDEEM)
def earns(member_id: str) -> Response:
    """Say how many points a purchase of the amount that is being typed earns."""
    form = CounterAwardForm(formdata=request.args)
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
    points = purchases.points_for(member, amount_minor=form.spent.data or 0, currency=_currency())
    return part_page(
        "counter/_earns.html", title="What it earns", in_card=False, member=member, points=points
    )


@blueprint.post("/members/<member_id>/redeem")
@requires(Permission.REDEEM, pending_at=counter_of)
def redeem(member_id: str) -> Response:
    """Buy the reward on a key and show the slip."""
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
        return _member(member_id, redeem_form=form)
    return _go("redemption", sent.value.id)


@blueprint.post("/members/<member_id>/award")
@requires(Permission.AWARD, pending_at=counter_of)
def award(member_id: str) -> Response:
    """Award for a purchase by the program's rule and show the slip."""
    form = CounterAwardForm()
    amount = form.spent.data or 0
    sent = form.submit_approved(
        lambda session, approval: (
            purchases.award(
                session,
                member=enrolment.get_member(
                    session, workspace_id=workspace_id(), member_id=member_id
                ),
                amount_minor=amount,
                currency=_currency(),
                reason=f"Purchase, {money(amount)}",
                approval=approval,
                by=actor(),
            ).value
        ),
        lambda session, entry_id: acts.read_entry(
            session, workspace_id=workspace_id(), entry_id=entry_id
        ),
    )
    if sent is None:
        return _member(member_id, award_form=form)
    return _go("award", sent.value.id)


@blueprint.post("/redemptions/<redemption_id>/undo")
@requires(Permission.UNDO_OWN)
def undo_redemption(redemption_id: str) -> Response:
    """Give the points back and show the member again."""
    form = ActForm()
    done = form.submit(
        lambda session: (
            redemptions.cancel(
                session,
                workspace_id=workspace_id(),
                redemption_id=redemption_id,
                reason="Undone at the counter",
                by=actor(),
            ).value
        )
    )
    if done is None:
        return _slip_of_redemption(redemption_id, button=form)
    given_back = f"Undone. {counted(done.value.points_spent, 'point')} given back."
    return _member(done.value.member_id, message=given_back)


@blueprint.post("/redemptions/<redemption_id>/fulfil")
@requires(Permission.FULFIL)
def fulfil(redemption_id: str) -> Response:
    """Mark what was redeemed as handed over; the slip says if it was handed over before."""
    form = ActForm()
    done = form.submit(
        lambda session: redemptions.fulfil(
            session, workspace_id=workspace_id(), redemption_id=redemption_id, by=actor()
        )
    )
    if done is None:
        return _slip_of_redemption(redemption_id, button=form)
    refusal = why_nothing_is_due(done.value.value) if done.value.replayed else ""
    return _slip_of_redemption(redemption_id, refusal=refusal)


@blueprint.post("/awards/<entry_id>/undo")
@requires(Permission.UNDO_OWN)
def undo_award(entry_id: str) -> Response:
    """Take an award back and show the member again. Two presses undo once."""
    form = ActForm()
    reversal = form.attempt(lambda: undo_entry(entry_id)) if form.validate_on_submit() else None
    if reversal is None:
        return _slip_of_award(entry_id, button=form)
    taken_back = f"Undone. {counted(-reversal.points, 'point')} taken back."
    return _member(reversal.member_id, message=taken_back)


@blueprint.get("/receipts/<redemption_id>")
@requires(Permission.REDEEM)
def receipt(redemption_id: str) -> Response:
    """Show a receipt for a printer of 80 mm."""
    with reading() as session:
        slip = counter.read_slip(session, place=_place(), redemption_id=redemption_id).slip
    return page("counter/receipt.html", slip=slip, served_by=_served_by(slip))


def _currency() -> str:
    return signed_in().merchant.currency


def _place() -> CounterPlace:
    return CounterPlace(
        workspace_id=workspace_id(), location_id=signed_in().location_id, currency=_currency()
    )


def _look_up(*, is_scanned: bool = False, opens: bool = True) -> Response:
    text = request.args.get("q", "").strip()[:200]
    with reading() as session:
        stage = counter.look_up(
            session, place=_place(), text=text, is_scanned=is_scanned, opens=opens
        )
    if stage.slip is not None and stage.slip.redemption is not None:
        # A code asks for what it was given for, and only once.
        return _show(stage, refusal=why_nothing_is_due(stage.slip.redemption))
    return _show(stage)


def _member(member_id: str, **outcome: Any) -> Response:
    with reading() as session:
        stage = counter.open_member(session, place=_place(), member_id=member_id)
    return _show(stage, **outcome)


def _slip_of_redemption(redemption_id: str, **outcome: Any) -> Response:
    with reading() as session:
        stage = counter.read_slip(session, place=_place(), redemption_id=redemption_id)
    return _show(stage, **outcome)


def _slip_of_award(entry_id: str, **outcome: Any) -> Response:
    with reading() as session:
        stage = counter.read_slip(session, place=_place(), entry_id=entry_id)
    return _show(stage, **outcome)


def _go(what: str, found_id: str) -> Response:
    """Show the slip: on the page that asked, or on its own address for a plain form."""
    if not request.headers.get("HX-Request"):
        return redirect_to(url_for("counter.index") + f"?{what}={found_id}", 303)
    return _slip_of_redemption(found_id) if what == "redemption" else _slip_of_award(found_id)


def _show(
    stage: Stage,
    *,
    award_form: CounterAwardForm | None = None,
    redeem_form: RedeemForm | None = None,
    button: ActForm | None = None,
    message: str = "",
    refusal: str = "",
) -> Response:
    """Show a stage.

    Args:
        award_form, redeem_form, button: a form that was refused.
        message: what was done.
        refusal: why there is nothing to do.
    """
    refusal = button.problem if button else refusal
    address = _address_of(stage)
    response = page(
        "counter/index.html",
        part="counter/_stage.html",
        stage=stage,
        address=address,
        served_by=_served_by(stage.slip),
        button=button,
        message=refusal or message,
        is_refused=bool(refusal),
        undo_seconds=UNDO_SECONDS,
        **_forms(stage, award_form, redeem_form),
    )
    # What is on the stage has an address, so that a reload shows it again.
    response.headers.setdefault("HX-Push-Url", address)
    if request.headers.get("HX-Target") == "counter-stage":
        # The stage that is there when it comes: the one that asked may be gone by then.
        response.headers["HX-Retarget"] = "#counter-stage"
    return response


def _address_of(stage: Stage) -> str:
    if stage.slip is not None and stage.slip.redemption is not None:
        return url_for("counter.index", redemption=stage.slip.redemption.id)
    if stage.slip is not None:
        return url_for("counter.index", award=stage.slip.entry.id)
    if stage.member is not None:
        return url_for("counter.index", member=stage.member.member.id)
    return url_for("counter.index")


def _served_by(slip: Slip | None) -> str:
    """Name who did it as customers know them: a person by their first name."""
    if slip is None:
        return ""
    name = who_did(slip.entry, slip.actor_name)
    return name.split(" ")[0] if slip.entry.actor_kind == "staff" else name


def _forms(
    stage: Stage, award_form: CounterAwardForm | None, redeem_form: RedeemForm | None
) -> dict[str, Any]:
    """Return the forms beside a member, and what the amount in the award's earns."""
    if stage.member is None:
        return {}
    member = stage.member.member
    if award_form is None and redeem_form is None:
        award_form, redeem_form = _unsent(member.id, is_slip=stage.slip is not None)
    award_form = award_form or CounterAwardForm(formdata=None)
    earned = purchases.points_for(
        member, amount_minor=award_form.spent.data or 0, currency=_currency()
    )
    return {
        "award_form": award_form,
        "redeem_form": redeem_form or RedeemForm(formdata=None),
        "earned": earned,
    }


def _unsent(
    member_id: str, *, is_slip: bool = False
) -> tuple[CounterAwardForm | None, RedeemForm | None]:
    """Give the form of what was sent when the sign-in had ended, once; None if nothing was.

    It keeps its one-time key: it may have counted when it was sent before that, without an answer.

    Args:
        is_slip: there are no rewards to choose beside it.
    """
    kept = pending_forms.find() if request.method == "GET" else None
    if kept is None or kept.path != pending_forms.counter_of(member_id):
        return None, None
    award_form, redeem_form = None, None
    if "spent" in kept.fields:
        form: RegularsForm = CounterAwardForm(formdata=MultiDict({"spent": kept.fields["spent"]}))
        award_form = form
    elif is_slip:
        return None, None
    else:
        form = redeem_form = RedeemForm(formdata=None)
    pending_forms.forget()
    form.once.data = kept.fields.get("once") or form.once.data
    form.refusal = "You were signed out before this was sent. Send it again; it cannot count twice."
    return award_form, redeem_form
