"""The people: who may sign in, as what; invitations; one's own password and sign-ins."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, url_for
from flask import session as cookie
from flask_login import login_user

from app.db import reading, writing
from app.errors import NotFound, RegularsError
from app.http.actors import SignedIn, actor, signed_in, workspace_id
from app.http.statuses import status_of
from app.models.merchants import SANDBOX
from app.models.staff import Staff
from app.services import second_factors, staff, staff_people
from app.services.staff_people import Invited
from app.web.base_form import ActForm
from app.web.responses import go, page, redirect_to, say
from app.web.staff.people_forms import ROLES, InviteForm, JoinForm, PasswordForm, RoleForm

blueprint = Blueprint("people", __name__)


@blueprint.get("/staff")
def index() -> Response:
    """List the staff and the invitations that are open."""
    with reading() as session:
        colleagues = staff_people.list_people(session, merchant_id=_merchant_id())
        invites = staff_people.list_invites(session, merchant_id=_merchant_id())
    return page("staff/people.html", colleagues=colleagues, invites=invites)


@blueprint.get("/staff/invite")
def new() -> Response:
    """Show the form to invite a person."""
    return page("staff/invite_form.html", form=InviteForm())


@blueprint.post("/staff/invite")
def create() -> Response:
    """Invite a person and show the link, this once."""
    form = InviteForm()
    if not form.validate_on_submit():
        return page("staff/invite_form.html", form=form, status=422)
    try:
        with writing() as session:
            made = staff_people.invite(
                session,
                merchant_id=_merchant_id(),
                workspace_id=workspace_id(),
                email=form.email.data or "",
                name=form.name.data or "",
                role=form.role.data or "",
                by=actor(),
                once=form.key,
            )
    except RegularsError as error:
        form.refuse(error)
        form.renew()
        return page("staff/invite_form.html", form=form, status=int(status_of(error)))
    return page("staff/invited.html", made=made, address=_address(made))


@blueprint.post("/staff/invites/<invite_id>/revoke")
def revoke_invite(invite_id: str) -> Response:
    """Let an invitation's link open nothing any more."""
    if ActForm().validate_on_submit():
        with writing() as session:
            staff_people.revoke_invite(
                session, merchant_id=_merchant_id(), invite_id=invite_id, by=actor()
            )
        say("The invitation is revoked.")
    return go(url_for("people.index"))


@blueprint.get("/staff/<staff_id>")
def edit(staff_id: str) -> Response:
    """Show a person's role, and the way to switch them off."""
    person = _get(staff_id)
    return _person_page(RoleForm(data={"role": person.role}), person)


@blueprint.post("/staff/<staff_id>")
def update(staff_id: str) -> Response:
    """Give a person another role."""
    form, person = RoleForm(), _get(staff_id)
    if not form.validate_on_submit():
        return _person_page(form, person, 422)
    try:
        with writing() as session:
            staff_people.change_role(
                session,
                merchant_id=_merchant_id(),
                staff_id=staff_id,
                role=form.role.data or "",
                by=actor(),
            )
    except RegularsError as error:
        form.refuse(error)
        return _person_page(form, person, int(status_of(error)))
    say(f"{person.name} is {form.role.data} from now on.")
    return go(url_for("people.index"))


@blueprint.post("/staff/<staff_id>/disable")
def disable(staff_id: str) -> Response:
    """Let a person in no more."""
    return _switch(staff_id, is_on=False)


@blueprint.post("/staff/<staff_id>/enable")
def enable(staff_id: str) -> Response:
    """Let a person sign in again."""
    return _switch(staff_id, is_on=True)


@blueprint.post("/staff/<staff_id>/second-factor/reset")
def reset_second_factor(staff_id: str) -> Response:
    """Take a colleague's second factor away: the telephone is lost."""
    person = _get(staff_id)
    if ActForm().validate_on_submit():
        try:
            with writing() as session:
                second_factors.reset(
                    session, merchant_id=_merchant_id(), staff_id=staff_id, by=actor()
                )
            say(f"{person.name} signs in with the password alone, until they set up a new app.")
        except RegularsError as error:
            say(error.message)
    return go(url_for("people.edit", staff_id=staff_id))


@blueprint.get("/join/<token>")
def join_form(token: str) -> Response:
    """Show an invitation to who has its link."""
    return _join_page(JoinForm(), token)


@blueprint.post("/join/<token>")
def join(token: str) -> Response:
    """Take an invitation: set a password and be signed in."""
    form = JoinForm()
    if not form.validate_on_submit():
        return _join_page(form, token, 422)
    try:
        with writing() as session:
            made = staff_people.accept(
                session,
                token=token,
                password=form.password.data or "",
                mode=SANDBOX,
                hours=current_app.config["SESSION_HOURS"],
                agent=request.user_agent.string,
            )
    except NotFound:
        raise
    except RegularsError as error:
        form.refuse(error)
        return _join_page(form, token, int(status_of(error)))
    # A fresh cookie: whatever was planted before is worth nothing now.
    cookie.clear()
    login_user(SignedIn(made.token, made.staff, made.workspace, None))
    return redirect_to(url_for("reports.today"), 303)


@blueprint.get("/you/password")
def password_form() -> Response:
    """Show the form of another password."""
    return page("staff/password_form.html", form=PasswordForm())


@blueprint.post("/you/password")
def change_password() -> Response:
    """Take another password; all other sign-ins end."""
    form = PasswordForm()
    if not form.validate_on_submit():
        return page("staff/password_form.html", form=form, status=422)
    try:
        with writing() as session:
            staff_people.change_password(
                session,
                staff_id=signed_in().staff.id,
                current=form.current.data or "",
                password=form.password.data or "",
                keep_token=signed_in().token,
                by=actor(),
            )
    except RegularsError as error:
        form.refuse(error)
        return page("staff/password_form.html", form=form, status=int(status_of(error)))
    say("Your password is changed. Other sign-ins of yours have ended.")
    return go(url_for("staff.profile"))


@blueprint.get("/you/sign-ins")
def sessions() -> Response:
    """List one's own live sign-ins."""
    with reading() as session:
        found = staff_people.list_sessions(session, staff_id=signed_in().staff.id)
    return page("staff/sessions.html", sessions=found, here=staff.token_hash(signed_in().token))


@blueprint.post("/you/sign-ins/<token_hash>/revoke")
def revoke_session(token_hash: str) -> Response:
    """End one of one's own sign-ins."""
    if ActForm().validate_on_submit():
        try:
            with writing() as session:
                staff_people.revoke_session(
                    session,
                    staff_id=signed_in().staff.id,
                    token_hash=token_hash,
                    by=actor(),
                )
            say("That sign-in has ended.")
        except RegularsError as error:
            say(error.message)
    return go(url_for("people.sessions"))


def _merchant_id() -> str:
    return signed_in().merchant.id


def _get(staff_id: str) -> Staff:
    with reading() as session:
        return staff_people.get_person(session, merchant_id=_merchant_id(), staff_id=staff_id)


def _switch(staff_id: str, *, is_on: bool) -> Response:
    person = _get(staff_id)
    act = staff_people.enable if is_on else staff_people.disable
    if ActForm().validate_on_submit():
        try:
            with writing() as session:
                act(session, merchant_id=_merchant_id(), staff_id=staff_id, by=actor())
            say(f"{person.name} may sign in again." if is_on else f"{person.name} is out.")
        except RegularsError as error:
            say(error.message)
    return go(url_for("people.index"))


def _address(made: Invited) -> str:
    if not made.token:
        return ""
    return request.host_url.rstrip("/") + url_for("people.join_form", token=made.token)


def _person_page(form: RoleForm, person: Staff, status: int = 200) -> Response:
    return page("staff/person.html", form=form, person=person, roles=ROLES, status=status)


def _join_page(form: JoinForm, token: str, status: int = 200) -> Response:
    with reading() as session:
        invite = staff_people.find_invite(session, token=token)
        if invite is None:
            raise NotFound(
                "This invitation was used or is over. Ask whoever invited you for another one."
            )
        merchant = staff.get_merchant(session, merchant_id=invite.merchant_id)
    return page("staff/join.html", form=form, invite=invite, shop=merchant.name, status=status)
