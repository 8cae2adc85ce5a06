"""Members: the list with its search, enrol, one member, edit, close and reopen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from app.http.access import requires
from app.http.actors import actor, may, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.models.members import Member
from app.rules import tiers
from app.rules.actors import Permission
from app.services import programs, rewards
from app.services.ledger import history
from app.services.members import enrolment
from app.services.members.customers import Person
from app.services.members.search import matches
from app.services.results import Replayed, Result
from app.web import days
from app.web.base_form import act_once, press
from app.web.choices import choice
from app.web.ledger.lines import make_lines
from app.web.members.forms import EnrolForm, PersonForm
from app.web.paging import shown_before
from app.web.responses import go, page, redirect_to

blueprint = Blueprint("members", __name__, url_prefix="/members")

STATUSES = {"active": "Active", "closed": "Closed"}


@dataclass(frozen=True)
class ListView:
    """What the list was asked for, as the address has it."""

    text: str
    filters: matches.MemberFilters

    def address(self, **changes: str) -> str:
        """Give the list's address with some of its parts changed; empty ones are left out."""
        filters = self.filters
        parts = {
            "q": self.text,
            "program": filters.program_id,
            "tier": filters.tier,
            "status": filters.status,
            "below_zero": "1" if filters.below_zero else "",
            **changes,
        }
        given: dict[str, Any] = {name: each for name, each in parts.items() if each}
        return url_for("members.index", **given)


@blueprint.get("")
@requires(Permission.READ)
def index() -> Response:
    """List and search members."""
    view = _list_view(request.args)
    with reading() as session:
        found = matches.find_members(
            session,
            workspace_id=workspace_id(),
            text=view.text,
            filters=view.filters,
            after=request.args.get("after"),
        )
        count, count_max = _count(session, view, found)
        close = [] if count else _find_close(session, view)
        known_programs = programs.list_programs(session, workspace_id=workspace_id())
    return page(
        "members/index.html",
        part="members/_results.html",
        view=view,
        found=found,
        count=count,
        count_max=count_max,
        close=close,
        programs=known_programs,
        tiers=programs.tier_names(known_programs),
        statuses=STATUSES,
        shown=shown_before(request.args) + len(found.rows),
    )


def _count(session: Session, view: ListView, found: matches.MemberPage) -> tuple[int, int]:
    """Return how many members the list has in all, and where the count ends."""
    if found.is_cut:
        return matches.KNOWN_MAX + 1, matches.KNOWN_MAX
    if found.count is not None:
        return found.count, found.count
    count = matches.count_members(session, workspace_id=workspace_id(), filters=view.filters)
    # All of them are a total, which is known exactly.
    is_total = view.filters == matches.MemberFilters()
    return count, count if is_total else matches.COUNT_MAX


@blueprint.get("/search")
@requires(Permission.READ)
def search() -> Response:
    """Go where the top bar's search leads: to the one that an id names, else to the list."""
    text = request.args.get("q", "")
    with reading() as session:
        member_id = matches.find_by_id(session, workspace_id=workspace_id(), text=text)
    if member_id is not None:
        return redirect_to(url_for("members.show", member_id=member_id))
    return redirect_to(url_for("members.index", q=text))


@blueprint.get("/new")
@requires(Permission.ENROL)
def new() -> Response:
    """Show the form to enrol a member, filled with what was searched for."""
    form = EnrolForm()
    typed = request.args.get("typed", "").strip()
    form.back.data = form.back.data or request.args.get("back", "")
    if typed and typed == request.args.get("scanned", "").strip() and not form.was_unsent:
        form.card_number.data = typed
    elif typed and not form.was_unsent:
        _fill_from_search(form, typed)
    return _enrol_page(form)


@blueprint.post("/new")
@requires(Permission.ENROL)
def create() -> Response:
    """Enrol a member; warn first of one who may be the same person."""
    form = EnrolForm()
    if not form.validate_on_submit():
        return _enrol_page(form)
    alike = _find_alike(form, form.person())
    if not form.has_seen(alike):
        return _enrol_page(form, alike)
    sent = form.attempt(
        lambda: act_once(
            form.key,
            lambda session: enrolment.enrol(
                session,
                workspace_id=workspace_id(),
                program_id=form.program_id.data or "",
                person=form.person(),
                by=actor(),
            ),
            lambda session, member_id: Result(_find(session, member_id), Replayed.EXISTING),
            attrgetter("value.id"),
        )
    )
    if sent is None:
        return _enrol_page(form)
    member = sent.value.value
    is_new = not sent.value.replayed
    say("Enrolled." if is_new else "Already enrolled. Nobody was enrolled twice.")
    if form.back.data == "counter":
        return go(url_for("counter.index", member=member.id))
    return go(url_for("members.show", member_id=member.id))


@blueprint.get("/<member_id>")
@requires(Permission.READ)
def show(member_id: str) -> Response:
    """Show one member: who, how many points, why, and what they can have."""
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
        facts = _member_facts(session, member)
    return page("members/show.html", member=member, **facts)


@blueprint.get("/<member_id>/ledger")
@requires(Permission.READ)
def ledger(member_id: str) -> Response:
    """Show a member's ledger: filtered, or the lines before the ones already shown."""
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
        facts = _member_facts(session, member)
    response = page("members/show.html", part="members/_ledger.html", member=member, **facts)
    if request.headers.get("HX-Target") == "members-ledger":
        # A reload, and Back, show what was chosen.
        kept: dict[str, Any] = {name: each for name, each in request.args.items() if each}
        kept["member_id"] = member_id
        response.headers["HX-Replace-Url"] = url_for("members.show", **kept)
    return response


@blueprint.get("/<member_id>/edit")
@requires(Permission.EDIT_MEMBERS)
def edit(member_id: str) -> Response:
    """Show the form of a person's record."""
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
    return _edit_page(PersonForm(obj=member.customer), member)


@blueprint.post("/<member_id>/edit")
@requires(Permission.EDIT_MEMBERS)
def update(member_id: str) -> Response:
    """Change a person's record; warn first of one who may be the same person."""
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
    form = PersonForm()
    if not form.validate_on_submit():
        return _edit_page(form, member)
    alike = _find_alike(form, Person(**form.changes()), besides=member.customer_id)
    if not form.has_seen(alike):
        return _edit_page(form, member, alike)
    sent = form.attempt(
        lambda: act_once(
            form.key,
            lambda session: enrolment.edit(
                session,
                workspace_id=workspace_id(),
                member_id=member_id,
                changes=form.changes(),
                by=actor(),
            ),
            _find,
        )
    )
    if sent is None:
        return _edit_page(form, member)
    say("Saved.")
    return go(url_for("members.show", member_id=member_id))


@blueprint.post("/<member_id>/close")
@requires(Permission.EDIT_MEMBERS)
def close(member_id: str) -> Response:
    """Close a member; Undo reopens."""
    if press(
        lambda session: enrolment.close(
            session, workspace_id=workspace_id(), member_id=member_id, by=actor()
        )
    ):
        say(
            "Membership closed. Points stay in the ledger.",
            undo=url_for("members.reopen", member_id=member_id),
        )
    return go(url_for("members.show", member_id=member_id))


@blueprint.post("/<member_id>/reopen")
@requires(Permission.EDIT_MEMBERS)
def reopen(member_id: str) -> Response:
    """Reopen a closed member."""
    if press(
        lambda session: enrolment.reopen(
            session, workspace_id=workspace_id(), member_id=member_id, by=actor()
        )
    ):
        say("Membership open again.")
    return go(url_for("members.show", member_id=member_id))


def _list_view(values: Mapping[str, str]) -> ListView:
    return ListView(
        text=values.get("q", "").strip()[:200],
        filters=matches.MemberFilters(
            program_id=values.get("program", ""),
            tier=values.get("tier", ""),
            status=values.get("status", "") if values.get("status") in STATUSES else "",
            below_zero=values.get("below_zero") == "1",
        ),
    )


def _find_close(session: Session, view: ListView) -> list[Member]:
    return matches.find_close_members(
        session, workspace_id=workspace_id(), text=view.text, filters=view.filters
    )


def _member_facts(session: Session, member: Member) -> dict[str, Any]:
    """Read what the member's page shows beside the member."""
    view = _ledger_view(request.args)
    found = history.list_rows(
        session, member=member, filters=view["filters"], before_seq=_before_seq()
    )
    offers = rewards.list_offers(session, member=member, tiers=member.program.tiers)
    return {
        "progress": tiers.progress(member.qualifying_points, member.program.tiers),
        "offers": offers,
        "able_count": sum(1 for offer in offers if offer.refusal is None),
        "sums": history.sum_by_kind(session, member=member),
        "page": found,
        "lines": make_lines(found.rows, by=actor()),
        "ledger_view": view,
        "may_undo_any": may("undo_any"),
        "hides_newer": (_before_seq() or member.entry_count + 1) <= member.entry_count,
    }


def _ledger_view(values: Mapping[str, str]) -> dict[str, Any]:
    """Read the ledger's filters from the address; what is no day or kind filters nothing."""
    zone = ZoneInfo(signed_in().merchant.time_zone)
    since = days.start_of(values.get("since", ""), zone)
    until = days.start_of(values.get("until", ""), zone, days_later=1)
    kind = values.get("kind", "")
    filters = history.LedgerFilters(kind=kind, since=since, until=until)
    return {
        "filters": filters,
        "kind": kind,
        "since": values.get("since", "") if since else "",
        "until": values.get("until", "") if until else "",
    }


def _before_seq() -> int | None:
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None  # noqa: PLR2004


def _find(session: Session, member_id: str) -> Member:
    return enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)


def _find_alike(form: PersonForm, person: Person, *, besides: str = "") -> list[Member]:
    with reading() as session:
        if form.was_used(session):
            # It would find the very member that the form had made.
            return []
        found = enrolment.list_near_duplicates(session, workspace_id=workspace_id(), person=person)
    return [member for member in found if member.customer_id != besides]


def _edit_page(form: PersonForm, member: Member, alike: Sequence[Member] = ()) -> Response:
    return page("members/edit.html", form=form, member=member, alike=alike)


def _enrol_page(form: EnrolForm, alike: Sequence[Member] = ()) -> Response:
    with reading() as session:
        known_programs = programs.list_programs(session, workspace_id=workspace_id())
    form.program_id.choices = [choice(each.id, each.name) for each in known_programs]
    return page("members/new.html", form=form, alike=alike, programs=known_programs)


def _fill_from_search(form: EnrolForm, typed: str) -> None:
    if "@" in typed:
        form.email.data = typed
        return
    words = typed.split()
    is_number = [any(character.isdigit() for character in word) for word in words]
    pairs = list(zip(words, is_number, strict=True))
    form.phone.data = " ".join(word for word, is_digits in pairs if is_digits)
    form.name.data = " ".join(word for word, is_digits in pairs if not is_digits)
