"""The people: who may sign in, as what; invitations; one's own password and sign-ins."""

from __future__ import annotations

from operator import attrgetter

from flask import Blueprint, Response, current_app, request, url_for

from app import ids
from app.errors import NotFound
from app.http import reauthentication
from app.http.access import by_link, requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.login import enter
from app.http.messages import say
from app.http.paths import safe_path
from app.models.merchants import SANDBOX
from app.models.staff import Staff
from app.rules.actors import Permission
from app.services import locations, workspaces
from app.services.staff import allowances as allowance_service
from app.services.staff import passkeys, people, second_factors
from app.services.staff.people import Invited
from app.web.base_form import press
from app.web.choices import choice
from app.web.responses import go, page
from app.web.staff.people_forms import (
    AllowancesForm,
    ConfirmForm,
    InviteForm,
    JoinForm,
    PasswordForm,
    PersonForm,
)

blueprint = Blueprint("people", __name__)

LIMITED_ROLES = ("cashier", "manager", "owner")
"""Who gives points: a viewer never does."""


@blueprint.get("/staff")
@requires(Permission.MANAGE_STAFF)
def index() -> Response:
    """List the staff and the invitations that are open."""
    with reading() as session:
        colleagues = people.list_people(session, merchant_id=_merchant_id())
        invites = people.list_invites(session, merchant_id=_merchant_id())
        limits = allowance_service.get_people(session, merchant_id=_merchant_id())
        given = allowance_service.given_by(session, workspace_id=workspace_id())
        shops = locations.list_all(session, workspace_id=workspace_id())
        bound = locations.list_bound(session, workspace_id=workspace_id())
        keys = passkeys.count_by_person(session, merchant_id=_merchant_id())
    return page(
        "staff/people.html",
        colleagues=colleagues,
        invites=invites,
        limits=limits,
        given=given,
        shops={each.id: each.name for each in shops},
        bound=bound,
        passkeys=keys,
    )


@blueprint.get("/staff/invite")
@requires(Permission.MANAGE_STAFF)
def new() -> Response:
    """Show the form to invite a person."""
    return page("staff/invite_form.html", form=InviteForm())


@blueprint.post("/staff/invite")
@requires(Permission.MANAGE_STAFF)
def create() -> Response:
    """Invite a person and show the link, this once."""
    form = InviteForm()
    sent = form.submit_once(
        lambda session: people.invite(
            session,
            merchant_id=_merchant_id(),
            email=form.email.data or "",
            name=form.name.data or "",
            role=form.role.data or "",
            by=actor(),
        ),
        lambda session, invite_id: people.Invited(
            people.get_invite(session, merchant_id=_merchant_id(), invite_id=invite_id), ""
        ),
        attrgetter("invite.id"),
    )
    if sent is None:
        return page("staff/invite_form.html", form=form)
    return page("staff/invited.html", made=sent.value, address=_address(sent.value))


@blueprint.post("/staff/invites/<invite_id>/revoke")
@requires(Permission.MANAGE_STAFF)
def revoke_invite(invite_id: str) -> Response:
    """Let an invitation's link open nothing any more."""
    done = press(
        lambda session: people.revoke_invite(
            session, merchant_id=_merchant_id(), invite_id=invite_id, by=actor()
        )
    )
    if done and done.value.used_at is None:
        say("The invitation is revoked.")
    elif done:
        say(f"{done.value.name} has taken the invitation already. Switch them off instead.")
    return go(url_for("people.index"))


@blueprint.get("/staff/allowances")
@requires(Permission.MANAGE_STAFF)
def allowances() -> Response:
    """Show how many points each role may give by hand."""
    with reading() as session:
        known = allowance_service.get_roles(session, merchant_id=_merchant_id())
    typed: dict[str, int | None] = {}
    for role in LIMITED_ROLES:
        typed[f"{role}_award"] = known[role].per_award_points
        typed[f"{role}_shift"] = known[role].per_shift_points
    return _allowances_page(AllowancesForm(data=typed))


@blueprint.post("/staff/allowances")
@requires(Permission.MANAGE_STAFF)
def save_allowances() -> Response:
    """Set how many points each role may give by hand."""
    form = AllowancesForm()
    if not form.submit(
        lambda session: allowance_service.set_roles(
            session,
            merchant_id=_merchant_id(),
            limits={role: form.limits_of(role) for role in LIMITED_ROLES},
            by=actor(),
        )
    ):
        return _allowances_page(form)
    say("Saved. It holds from the next award.")
    return go(url_for("people.index"))


@blueprint.get("/staff/<staff_id>")
@requires(Permission.MANAGE_STAFF)
def edit(staff_id: str) -> Response:
    """Show a person's role, shops and limits, and the way to switch them off."""
    person = _get(staff_id)
    with reading() as session:
        own = allowance_service.get_own(session, merchant_id=_merchant_id(), staff_id=staff_id)
        bound = locations.list_bound(session, workspace_id=workspace_id()).get(staff_id, ())
    typed = {
        "role": person.role,
        "location_ids": sorted(bound),
        "limits": "role" if own is None else "own",
        "per_award_points": own.per_award_points if own else None,
        "per_shift_points": own.per_shift_points if own else None,
    }
    return _person_page(PersonForm(data=typed), person)


@blueprint.post("/staff/<staff_id>")
@requires(Permission.MANAGE_STAFF)
def update(staff_id: str) -> Response:
    """Say what a person may do, where, and how many points they may give by hand."""
    form, person = PersonForm(), _get(staff_id)
    with reading() as session:
        own = allowance_service.get_own(session, merchant_id=_merchant_id(), staff_id=staff_id)
    form.had_own_limits = own is not None
    if not form.submit(
        lambda session: people.edit(
            session,
            merchant_id=_merchant_id(),
            workspace_id=workspace_id(),
            staff_id=staff_id,
            role=form.role.data or "",
            location_ids=form.location_ids.data or [],
            limits=form.chosen_limits(),
            by=actor(),
        )
    ):
        return _person_page(form, person)
    say(f"Saved. It holds from {person.name}'s next click.")
    return go(url_for("people.index"))


@blueprint.post("/staff/<staff_id>/disable")
@requires(Permission.MANAGE_STAFF)
def disable(staff_id: str) -> Response:
    """Let a person in no more."""
    return _switch(staff_id, is_on=False)


@blueprint.post("/staff/<staff_id>/enable")
@requires(Permission.MANAGE_STAFF)
def enable(staff_id: str) -> Response:
    """Let a person sign in again."""
    return _switch(staff_id, is_on=True)


@blueprint.post("/staff/<staff_id>/second-factor/reset")
@requires(Permission.MANAGE_STAFF)
def reset_second_factor(staff_id: str) -> Response:
    """Take a colleague's second factor away: the telephone is lost."""
    person = _get(staff_id)
    if press(
        lambda session: second_factors.reset(
            session, merchant_id=_merchant_id(), staff_id=staff_id, by=actor()
        )
    ):
        say(f"{person.name} signs in with the password alone, until they set up a new app.")
    return go(url_for("people.edit", staff_id=staff_id))


@blueprint.get("/join/<token>")
@by_link
def join_form(token: str) -> Response:
    """Show an invitation to who has its link."""
    return _join_page(JoinForm(), token)


@blueprint.post("/join/<token>")
@by_link
def join(token: str) -> Response:
    """Take an invitation: set a password and be signed in."""
    form = JoinForm()
    done = form.submit(
        lambda session: people.accept(
            session,
            token=token,
            password=form.password.data or "",
            mode=SANDBOX,
            hours=current_app.config["SESSION_HOURS"],
            agent=request.user_agent.string,
        )
    )
    return enter(done.value) if done else _join_page(form, token)


@blueprint.get("/you/password")
@requires(Permission.READ, by_pin=False)
def password_form() -> Response:
    """Show the form of another password."""
    return page("staff/password_form.html", form=PasswordForm())


@blueprint.post("/you/password")
@requires(Permission.READ, by_pin=False)
def change_password() -> Response:
    """Take another password; all other sign-ins end."""
    form = PasswordForm()
    is_changed = form.submit_secret(
        lambda session: people.change_password(
            session,
            staff_id=signed_in().staff.id,
            current=form.current.data or "",
            password=form.password.data or "",
            keep_token=signed_in().token,
            by=actor(),
        ),
        form.current,
        "This is not your password now. Type it again.",
    )
    if not is_changed:
        return page("staff/password_form.html", form=form)
    say("Your password is changed. Other sign-ins of yours have ended.")
    return go(url_for("staff.profile"))


@blueprint.get("/you/sign-ins")
@requires(Permission.READ, reauthentication=True)
def sessions() -> Response:
    """List one's own live sign-ins."""
    with reading() as session:
        found = people.list_sessions(session, staff_id=signed_in().staff.id)
    return page("staff/sessions.html", sessions=found, here=ids.token_hash(signed_in().token))


@blueprint.post("/you/sign-ins/<token_hash>/revoke")
@requires(Permission.READ, reauthentication=True)
def revoke_session(token_hash: str) -> Response:
    """End one of one's own sign-ins."""
    done = press(
        lambda session: people.revoke_session(
            session, staff_id=signed_in().staff.id, token_hash=token_hash, by=actor()
        )
    )
    if done:
        say("That sign-in has ended." if done.value else "This sign-in has ended already.")
    return go(url_for("people.sessions"))


@blueprint.post("/you/sign-ins/revoke-others")
@requires(Permission.READ, reauthentication=True)
def revoke_other_sessions() -> Response:
    """End all of one's own sign-ins but this one."""
    done = press(
        lambda session: people.revoke_other_sessions(
            session, staff_id=signed_in().staff.id, keep_token=signed_in().token, by=actor()
        )
    )
    if done:
        say("You are signed in here only." if done.value else "You were signed in here only.")
    return go(url_for("people.sessions"))


@blueprint.get("/you/confirm")
@requires(Permission.READ, by_pin=False, without_second_factor=True)
def confirm_form() -> Response:
    """Ask a person again who they are."""
    form = ConfirmForm()
    form.next.data = safe_path(request.args.get("next"))
    return page("staff/confirm.html", form=form)


@blueprint.post("/you/confirm")
@requires(Permission.READ, by_pin=False, without_second_factor=True)
def confirm() -> Response:
    """Hear it, and go on to where the person wanted to be."""
    form = ConfirmForm()
    is_known = form.submit_secret(
        lambda session: people.confirm(
            session,
            staff_id=signed_in().staff.id,
            password=form.current.data or "",
            by=actor(),
        ),
        form.current,
        "This is not your password. Type it again.",
        attempt="password",
    )
    if not is_known:
        return page("staff/confirm.html", form=form)
    reauthentication.note()
    return go(safe_path(form.next.data))


def _merchant_id() -> str:
    return signed_in().merchant.id


def _get(staff_id: str) -> Staff:
    with reading() as session:
        return people.get_person(session, merchant_id=_merchant_id(), staff_id=staff_id)


def _switch(staff_id: str, *, is_on: bool) -> Response:
    person = _get(staff_id)
    act = people.enable if is_on else people.disable
    done = press(
        lambda session: act(session, merchant_id=_merchant_id(), staff_id=staff_id, by=actor())
    )
    if done and is_on:
        say(f"{person.name} may sign in again.")
    elif done:
        say(f"{person.name} is out.", undo=url_for("people.enable", staff_id=staff_id))
    return go(url_for("people.index"))


def _address(made: Invited) -> str:
    if not made.token:
        return ""
    return request.host_url.rstrip("/") + url_for("people.join_form", token=made.token)


def _person_page(form: PersonForm, person: Staff) -> Response:
    with reading() as session:
        shops = locations.list_all(session, workspace_id=workspace_id())
        of_roles = allowance_service.get_roles(session, merchant_id=_merchant_id())
    form.location_ids.choices = [choice(each.id, each.name) for each in shops]
    return page("staff/person.html", form=form, person=person, of_role=of_roles[person.role])


def _allowances_page(form: AllowancesForm) -> Response:
    return page("staff/allowances.html", form=form, roles=LIMITED_ROLES)


def _join_page(form: JoinForm, token: str) -> Response:
    with reading() as session:
        invite = people.find_invite(session, token=token)
        if invite is None:
            raise NotFound(
                "This invitation was used or is over. Ask whoever invited you for another one."
            )
        merchant = workspaces.get_merchant(session, merchant_id=invite.merchant_id)
    return page("staff/join.html", form=form, invite=invite, shop=merchant.name)
