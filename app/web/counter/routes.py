"""The counter: one box, a keypad of rewards, a slip. Every act is a plain form underneath.

The page is a stage that the acts swap, and an address that says what is on it: a reload shows
whether an act that got no answer has happened.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from app.db import reading, writing
from app.errors import RegularsError
from app.http import unsent
from app.http.actors import actor, signed_in, workspace_id
from app.http.messages import UNDO_SECONDS
from app.http.statuses import status_of
from app.models.ledger import LedgerEntry
from app.models.members import Member
from app.models.redemptions import Redemption
from app.services import (
    counter,
    ledger,
    ledger_history,
    locations,
    member_search,
    members,
    purchases,
    redemptions,
)
from app.services.idempotency import Once
from app.services.ledger_history import Row
from app.web.base_form import ActForm, RegularsForm
from app.web.counter.forms import CounterAwardForm
from app.web.filters import counted, money
from app.web.ledger.lines import who_did
from app.web.redemptions.forms import RedeemForm
from app.web.redemptions.words import why_nothing_is_due
from app.web.responses import page, redirect_to

blueprint = Blueprint("counter", __name__, url_prefix="/counter")


@blueprint.get("")
def index() -> Response:
    """Show the counter: empty, with what was searched for, with a member, or with a slip."""
    text = request.args.get("q", "").strip()[:200]
    if request.args.get("redemption"):
        return _slip_of_redemption(request.args["redemption"])
    if request.args.get("award"):
        return _slip_of_award(request.args["award"])
    if request.args.get("member"):
        return _member(request.args["member"])
    return _found(text, is_scanned="scanned" in request.args) if text else _stage()


@blueprint.get("/find")
def find() -> Response:
    """List who matches while it is typed; nobody is opened before Enter."""
    text = request.args.get("q", "").strip()[:200]
    response = _hits(text) if text else _stage()
    # What is half typed is no step to come back to.
    response.headers["HX-Push-Url"] = "false"
    return response


@blueprint.get("/members/<member_id>/earns")
def earns(member_id: str) -> Response:
    """Say how many points a purchase of the amount that is being typed earns."""
    form = CounterAwardForm(formdata=request.args)
    with reading() as session:
        standing = _standing(session, member_id)
    points = purchases.points_for(
        standing.member, amount_minor=form.spent.data or 0, currency=_currency()
    )
    return page(
        "counter/earns.html",
        part="counter/_earns.html",
        member=standing.member,
        points=points,
    )


@blueprint.post("/members/<member_id>/redeem")
def redeem(member_id: str) -> Response:
    """Buy the reward on a key and show the slip."""
    form = RedeemForm()
    if not form.validate_on_submit():
        return _member(member_id, redeem_form=form, status=422)
    try:
        with writing() as session:
            outcome = redemptions.redeem(
                session,
                workspace_id=workspace_id(),
                member_id=member_id,
                reward_id=form.reward_id,
                expected_points=form.expected_points,
                by=actor(),
                once=form.key,
            )
    except RegularsError as error:
        form.refuse(error)
        form.renew()
        return _member(member_id, redeem_form=form, status=int(status_of(error)))
    return _go("redemption", outcome.value.id)


@blueprint.post("/members/<member_id>/award")
def award(member_id: str) -> Response:
    """Award for a purchase by the program's rule and show the slip."""
    form = CounterAwardForm()
    if form.validate_on_submit() and not form.spent.data:
        form.spent.errors = [f"Enter what was paid, for example {form.spent.written(420)}."]
    if form.spent.errors or form.errors:
        return _member(member_id, award_form=form, status=422)
    amount = form.spent.data or 0
    try:
        approval = form.take_approval()
        with writing() as session:
            outcome = purchases.award(
                session,
                member=members.get_member(
                    session, workspace_id=workspace_id(), member_id=member_id
                ),
                amount_minor=amount,
                currency=_currency(),
                reason=f"Purchase, {money(amount)}",
                approval=approval,
                by=actor(),
                once=form.key,
            )
    except RegularsError as error:
        form.refuse(error)
        form.renew()
        return _member(member_id, award_form=form, status=int(status_of(error)))
    return _go("award", outcome.value.id)


@blueprint.post("/redemptions/<redemption_id>/undo")
def undo_redemption(redemption_id: str) -> Response:
    """Give the points back and show the member again."""
    form = ActForm()
    if not form.validate_on_submit():
        return _slip_of_redemption(redemption_id, refused=form.hidden_errors[0], status=422)
    try:
        with writing() as session:
            done = redemptions.cancel(
                session,
                workspace_id=workspace_id(),
                redemption_id=redemption_id,
                reason="Undone at the counter",
                by=actor(),
            )
    except RegularsError as error:
        status = int(status_of(error))
        return _slip_of_redemption(redemption_id, refused=error.message, status=status)
    given_back = f"Undone. {counted(done.value.points_spent, 'point')} given back."
    return _member(done.value.member_id, said=given_back)


@blueprint.post("/redemptions/<redemption_id>/fulfil")
def fulfil(redemption_id: str) -> Response:
    """Mark what was redeemed as handed over; a code that is shown twice is told."""
    form = ActForm()
    if not form.validate_on_submit():
        return _slip_of_redemption(redemption_id, refused=form.hidden_errors[0], status=422)
    try:
        with writing() as session:
            done = redemptions.fulfil(
                session, workspace_id=workspace_id(), redemption_id=redemption_id, by=actor()
            )
    except RegularsError as error:
        status = int(status_of(error))
        return _slip_of_redemption(redemption_id, refused=error.message, status=status)
    refused = why_nothing_is_due(done.value) if done.replayed else ""
    return _slip_of_redemption(redemption_id, refused=refused)


@blueprint.post("/awards/<entry_id>/undo")
def undo_award(entry_id: str) -> Response:
    """Take an award back and show the member again. Two presses undo once."""
    with reading() as session:
        entry = ledger.get_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
    form = ActForm()
    if not form.validate_on_submit():
        return _slip_of_award(entry_id, refused=form.hidden_errors[0], status=422)
    try:
        with writing() as session:
            done = ledger.reverse(
                session,
                workspace_id=workspace_id(),
                entry_id=entry_id,
                reason="Undone",
                by=actor(),
                once=Once("form", f"undo {entry_id}"),
            )
    except RegularsError as error:
        return _slip_of_award(entry_id, refused=error.message, status=int(status_of(error)))
    taken_back = f"Undone. {counted(-done.value.points, 'point')} taken back."
    return _member(entry.member_id, said=taken_back)


@blueprint.get("/receipts/<redemption_id>")
def receipt(redemption_id: str) -> Response:
    """Show a receipt for a printer of 80 mm."""
    with reading() as session:
        redemption = _redemption(session, redemption_id)
        entry = redemptions.get_entry(session, redemption=redemption)
        row = ledger_history.get_row(session, member=redemption.member, entry_id=entry.id)
    return page(
        "counter/receipt.html", redemption=redemption, entry=entry, served_by=_served_by(row)
    )


def _served_by(row: Row) -> str:
    """Name who did it as customers know them: a person by their first name."""
    name = who_did(row)
    return name.split(" ")[0] if row.entry.actor_kind == "staff" else name


def _currency() -> str:
    return signed_in().merchant.currency


def _standing(session: Session, member_id: str) -> counter.Standing:
    return counter.get_standing(
        session, workspace_id=workspace_id(), member_id=member_id, currency=_currency()
    )


def _redemption(session: Session, redemption_id: str) -> Redemption:
    return redemptions.get_redemption(
        session, workspace_id=workspace_id(), redemption_id=redemption_id
    )


def _found(text: str, *, is_scanned: bool) -> Response:
    """Open who is meant, or list who it may be.

    Args:
        is_scanned: a scanner or the camera read it, so that it is a card and no phone number.
    """
    given: dict[str, Any] = {"workspace_id": workspace_id(), "text": text}
    with reading() as session:
        exact = member_search.find_exact(session, **given)
        found = None if exact else counter.look_up(session, is_scanned=is_scanned, **given)
        shown = redemptions.find_by_code(session, **given)
    if shown is not None and shown.member_id == exact:
        # Who shows a code wants what it was given for, if they have not had it.
        return _slip_of_redemption(shown.id, refused=why_nothing_is_due(shown))
    member_id = found.member_id if found else exact
    return _member(member_id) if member_id else _hits(text, found, is_scanned=is_scanned)


def _hits(text: str, found: counter.Found | None = None, *, is_scanned: bool = False) -> Response:
    if found is None:
        with reading() as session:
            found = counter.look_up(session, workspace_id=workspace_id(), text=text)
    return _stage(text=text, found=found, is_scanned=is_scanned)


def _member(
    member_id: str,
    *,
    redeem_form: RedeemForm | None = None,
    award_form: CounterAwardForm | None = None,
    said: str = "",
    status: int = 200,
) -> Response:
    with reading() as session:
        standing = _standing(session, member_id)
    if redeem_form is None and award_form is None:
        award_form, redeem_form = _unsent(member_id)
    return _stage(
        standing=standing,
        redeem_form=redeem_form or RedeemForm(formdata=None),
        **_awarding(standing.member, award_form),
        said=said,
        status=status,
        address=url_for("counter.index", member=member_id),
    )


def _awarding(member: Member, form: CounterAwardForm | None) -> dict[str, Any]:
    """Give the form of an award, and what the amount in it earns."""
    form = form or CounterAwardForm(formdata=None)
    amount = form.spent.data or 0
    earned = purchases.points_for(member, amount_minor=amount, currency=_currency())
    return {"award_form": form, "earned": earned}


def _unsent(
    member_id: str, *, is_slip: bool = False
) -> tuple[CounterAwardForm | None, RedeemForm | None]:
    """Give the form of what was sent when the sign-in had ended, once; None if nothing was.

    It keeps its one-time key: it may have counted when it was sent before that, without an answer.

    Args:
        is_slip: there are no rewards to choose beside it.
    """
    kept = unsent.find() if request.method == "GET" else None
    if kept is None or kept.path != unsent.counter_of(member_id):
        return None, None
    award_form, redeem_form = None, None
    if "spent" in kept.fields:
        form: RegularsForm = CounterAwardForm(formdata=MultiDict({"spent": kept.fields["spent"]}))
        award_form = form
    elif is_slip:
        return None, None
    else:
        form = redeem_form = RedeemForm(formdata=None)
    unsent.forget()
    form.once.data = kept.fields.get("once") or form.once.data
    form.refusal = "You were signed out before this was sent. Send it again; it cannot count twice."
    return award_form, redeem_form


def _slip_of_redemption(redemption_id: str, **outcome: Any) -> Response:
    with reading() as session:
        redemption = _redemption(session, redemption_id)
        entry = redemptions.get_entry(session, redemption=redemption)
    return _slip(entry, redemption, **outcome)


def _slip_of_award(entry_id: str, **outcome: Any) -> Response:
    with reading() as session:
        entry = ledger.get_entry(session, workspace_id=workspace_id(), entry_id=entry_id)
    return _slip(entry, None, **outcome)


def _slip(
    entry: LedgerEntry, redemption: Redemption | None, *, refused: str = "", status: int = 200
) -> Response:
    """Show a slip.

    Args:
        refused: why its Undo was not done, or empty.
    """
    with reading() as session:
        standing = _standing(session, entry.member_id)
        row = ledger_history.get_row(session, member=standing.member, entry_id=entry.id)
    name: dict[str, Any] = {"redemption": redemption.id} if redemption else {"award": entry.id}
    return _stage(
        standing=standing,
        slip=entry,
        slip_row=row,
        is_over=redemption.status != "confirmed" if redemption else row.left_points == 0,
        served_by=_served_by(row),
        redemption=redemption,
        **_awarding(standing.member, _unsent(entry.member_id, is_slip=True)[0]),
        undo_seconds=UNDO_SECONDS,
        said=refused,
        is_refused=bool(refused),
        status=status,
        address=url_for("counter.index", **name),
    )


def _go(what: str, found_id: str) -> Response:
    """Show the slip: on the page that asked, or on its own address for a plain form."""
    if not request.headers.get("HX-Request"):
        return redirect_to(url_for("counter.index") + f"?{what}={found_id}", 303)
    return _slip_of_redemption(found_id) if what == "redemption" else _slip_of_award(found_id)


def _stage(*, status: int = 200, address: str = "", **shown: Any) -> Response:
    with reading() as session:
        just_now = counter.list_just_now(
            session, workspace_id=workspace_id(), location_id=signed_in().location_id
        )
        shops = locations.list_all(session, workspace_id=workspace_id())
    values = {"text": "", "found": None, "standing": None, "slip": None, "said": "", **shown}
    address = address or url_for("counter.index")
    response = page(
        "counter/index.html",
        part="counter/_stage.html",
        just_now=just_now,
        address=address,
        place=next((each.name for each in shops if each.id == signed_in().location_id), ""),
        status=status,
        **values,
    )
    # What is on the stage has an address, so that a reload shows it again.
    response.headers.setdefault("HX-Push-Url", address)
    if request.headers.get("HX-Target") == "counter-stage":
        # The stage that is there when it comes: the one that asked may be gone by then.
        response.headers["HX-Retarget"] = "#counter-stage"
    return response
