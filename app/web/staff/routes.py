"""Signing in and out, one's own page, and the switch between Live and Test."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, url_for

from app.errors import SignInFailed
from app.http import attempts
from app.http.access import public, requires
from app.http.actors import actor, is_signed_in, signed_in, workspace_id
from app.http.database import reading, writing
from app.http.login import enter, find_till, leave
from app.http.messages import say, take_message
from app.http.paths import safe_path
from app.models.merchants import SANDBOX
from app.rules.actors import Permission
from app.services import locations, merchants
from app.services.staff import people, sign_ins
from app.services.staff.sign_ins import SignIn
from app.web.base_form import LeaveForm
from app.web.choices import choice
from app.web.responses import go, page, part_page, redirect_to
from app.web.staff.forms import LocationForm, ModeForm, NameForm, PreferencesForm, SignInForm

blueprint = Blueprint("staff", __name__)


@blueprint.get("/sign-in")
@public
def sign_in_form() -> Response:
    """Show the sign-in page."""
    if is_signed_in():
        return go(safe_path(request.args.get("next")))
    form = SignInForm()
    form.next.data = safe_path(request.args.get("next"))
    return show_sign_in(form)


@blueprint.post("/sign-in")
@public
def sign_in() -> Response:
    """Check a password, and go back to where the person wanted to be."""
    form = SignInForm()
    found = form.attempt(lambda: _checked(form)) if form.validate_on_submit() else None
    if found is None:
        return show_sign_in(form)
    return enter(found, stays=bool(form.stay.data), path=form.next.data)


@blueprint.post("/sign-out")
@requires(Permission.READ, is_leaving=True, before_code=True, without_second_factor=True)
def sign_out() -> Response:
    """End the session on the server as well as in the browser."""
    if not LeaveForm().validate_on_submit():
        return redirect_to(url_for("staff.profile"), 303)
    return leave()


@blueprint.get("/you")
@requires(Permission.READ)
def profile() -> Response:
    """Show who one is and where one works."""
    return _profile(LocationForm(data={"location_id": signed_in().location_id}))


@blueprint.post("/you")
@requires(Permission.READ)
def choose_location() -> Response:
    """Say where one works."""
    form = LocationForm()
    if not form.submit(
        lambda session: sign_ins.choose_location(
            session, token=signed_in().token, location_id=form.location_id.data or ""
        )
    ):
        return _profile(form)
    say("Saved. New lines in the ledger carry this shop.")
    return go(url_for("staff.profile"))


@blueprint.post("/you/name")
@requires(Permission.READ)
def save_name() -> Response:
    """Say how one is called."""
    form = NameForm()
    where = LocationForm(formdata=None, data={"location_id": signed_in().location_id})
    if not form.submit(
        lambda session: people.rename(
            session, staff_id=signed_in().staff.id, name=form.name.data or "", by=actor()
        )
    ):
        return _profile(where, form)
    say("Saved. Lines that you wrote before show it, too.")
    return go(url_for("staff.profile"))


@blueprint.post("/you/preferences")
@requires(Permission.READ)
def save_preferences() -> Response:
    """Keep how one wants the pages."""
    form = PreferencesForm()
    saved = form.submit(
        lambda session: people.save_preferences(
            session,
            staff_id=signed_in().staff.id,
            theme=form.theme.data or "",
            letter_keys=bool(form.letter_keys.data),
            sounds=bool(form.sounds.data),
        )
    )
    say("Saved." if saved else form.problem)
    # A whole page: the theme is on its root, which no swap reaches.
    return redirect_to(url_for("staff.profile"), 303)


@blueprint.post("/mode")
@requires(Permission.READ, without_second_factor=True)
def switch_mode() -> Response:
    """Move into the other workspace."""
    form = ModeForm()
    if form.submit(
        lambda session: sign_ins.switch_mode(
            session, token=signed_in().token, mode=form.mode.data or ""
        )
    ):
        # A message that no page has shown yet is about the workspace that is left.
        take_message()
    else:
        say(form.problem)
    return redirect_to(url_for("reports.today"), 303)


@blueprint.get("/shortcuts")
@requires(Permission.READ)
def shortcuts() -> Response:
    """List the keys."""
    return part_page("staff/_shortcuts.html", title="Keys", heading="All keys")


@blueprint.get("/more")
@requires(Permission.READ)
def more() -> Response:
    """List the pages that a small screen's bar has no room for."""
    return page("staff/more.html")


def _checked(form: SignInForm) -> SignIn:
    till = find_till()
    with writing() as session:
        found = sign_ins.sign_in(
            session,
            email=form.email.data or "",
            password=form.password.data or "",
            address=request.remote_addr or "",
            mode=SANDBOX,
            hours=current_app.config["SESSION_HOURS"],
            agent=request.user_agent.string,
            device=till.device if till else None,
        )
    if found is None:
        attempts.note("password")
        raise SignInFailed
    return found


def show_sign_in(form: SignInForm) -> Response:
    """Show the page to sign in at."""
    with reading() as session:
        names = [merchant.name for merchant in merchants.list_merchants(session)]
    # With several merchants in one installation, the sign-in page names none of them.
    shop = names[0] if len(names) == 1 else ""
    return page("staff/sign_in.html", form=form, shop=shop, is_till=find_till() is not None)


def _profile(where: LocationForm, name_form: NameForm | None = None) -> Response:
    with reading() as session:
        shops = locations.list_of_person(
            session, workspace_id=workspace_id(), staff_id=signed_in().staff.id
        )
    where.location_id.choices = [choice(each.id, each.name) for each in shops]
    preferences = PreferencesForm(formdata=None, obj=signed_in().staff)
    return page(
        "staff/profile.html",
        form=where,
        preferences=preferences,
        name_form=name_form or NameForm(formdata=None, obj=signed_in().staff),
        locations=shops,
    )
