"""Payments in: the systems that tell of them, how to set them up, and what became of each."""

from __future__ import annotations

from operator import attrgetter

from flask import Blueprint, Response, request, url_for
from sqlalchemy.orm import Session

from app import clock
from app.http.access import requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.http.requests import PAYMENTS_PREFIX
from app.models.payments import PaymentSource
from app.rules.actors import Permission
from app.services import programs
from app.services.payments import events as payment_events
from app.services.payments import sources as payment_sources
from app.services.payments.sources import NewSource
from app.web.base_form import press
from app.web.payments.forms import KINDS, RenameForm, ReplaceSecretForm, SourceForm
from app.web.responses import go, page, part_page

blueprint = Blueprint("payments", __name__, url_prefix="/developers/payments")


@blueprint.get("")
@requires(Permission.EDIT_PROGRAMS)
def index() -> Response:
    """List the sources."""
    with reading() as session:
        sources = payment_sources.list_sources(session, workspace=signed_in().workspace)
    return page("payments/index.html", sources=sources, kinds=KINDS)


@blueprint.get("/new")
@requires(Permission.MANAGE_WEBHOOKS)
def new() -> Response:
    """Show the form of a new source."""
    return _form_page(SourceForm())


@blueprint.post("/new")
@requires(Permission.MANAGE_WEBHOOKS)
def create() -> Response:
    """Set a source up; a secret of ours is shown, this once."""
    form = SourceForm()
    sent = form.submit_once(
        lambda session: payment_sources.create(
            session,
            workspace=signed_in().workspace,
            kind=form.kind.data or "",
            name=form.name.data or "",
            program_id=form.program_id.data or "",
            secret=form.secret.data or "",
            by=actor(),
        ),
        _made_before,
        attrgetter("source.id"),
    )
    return _made(sent.value) if sent else _form_page(form)


@blueprint.get("/<source_id>")
@requires(Permission.EDIT_PROGRAMS)
def show(source_id: str) -> Response:
    """Show how to set a source up, and what it told last."""
    with reading() as session:
        source = payment_sources.get_source(
            session, workspace=signed_in().workspace, source_id=source_id
        )
        events = payment_sources.list_events(
            session, workspace_id=workspace_id(), source_id=source_id
        )
        program = programs.get_program(
            session, workspace_id=workspace_id(), program_id=source.program_id
        )
    return page(
        "payments/show.html",
        source=source,
        program=program,
        events=events,
        kind=KINDS[source.kind],
        address=_address(source),
        now=clock.now(),
    )


@blueprint.get("/<source_id>/edit")
@requires(Permission.MANAGE_WEBHOOKS)
def edit(source_id: str) -> Response:
    """Show the form of another name."""
    source = _get(source_id)
    return _part(RenameForm(data={"name": source.name}), source, "rename")


@blueprint.post("/<source_id>/edit")
@requires(Permission.MANAGE_WEBHOOKS)
def update(source_id: str) -> Response:
    """Call a source something else."""
    form, source = RenameForm(), _get(source_id)
    if not form.submit(
        lambda session: payment_sources.rename(
            session,
            workspace=signed_in().workspace,
            source_id=source_id,
            name=form.name.data or "",
            by=actor(),
        )
    ):
        return _part(form, source, "rename")
    say("Saved.")
    return go(url_for("payments.show", source_id=source_id))


@blueprint.post("/<source_id>/enable")
@requires(Permission.MANAGE_WEBHOOKS)
def enable(source_id: str) -> Response:
    """Switch a source on."""
    return _switch(source_id, is_on=True)


@blueprint.post("/<source_id>/disable")
@requires(Permission.MANAGE_WEBHOOKS)
def disable(source_id: str) -> Response:
    """Switch a source off."""
    return _switch(source_id, is_on=False)


@blueprint.get("/<source_id>/secret")
@requires(Permission.MANAGE_WEBHOOKS)
def secret_form(source_id: str) -> Response:
    """Show the form of another secret."""
    return _part(ReplaceSecretForm(), _get(source_id), "secret")


@blueprint.post("/<source_id>/secret")
@requires(Permission.MANAGE_WEBHOOKS)
def replace_secret(source_id: str) -> Response:
    """Take another secret; one of ours is shown, this once."""
    form, source = ReplaceSecretForm(), _get(source_id)
    sent = form.submit_once(
        lambda session: payment_sources.replace_secret(
            session,
            workspace=signed_in().workspace,
            source_id=source_id,
            overlap_hours=int(form.overlap_hours.data),
            secret=form.secret.data or "",
            by=actor(),
        ),
        _made_before,
        attrgetter("source.id"),
    )
    return _made(sent.value) if sent else _part(form, source, "secret")


@blueprint.post("/<source_id>/events/<event_id>/retry")
@requires(Permission.MANAGE_WEBHOOKS)
def retry(source_id: str, event_id: str) -> Response:
    """Try an event again that had found no member, or that was refused."""
    workspace = signed_in().workspace
    done = press(
        lambda session: payment_events.retry(
            session,
            workspace=workspace,
            source=payment_sources.get_source(session, workspace=workspace, source_id=source_id),
            event_id=event_id,
            by=actor(),
        )
    )
    if done:
        say(done.value.detail)
    return go(url_for("payments.show", source_id=source_id))


def _made_before(session: Session, source_id: str) -> NewSource:
    """Return a source without its secret, which was shown when the form was sent first."""
    workspace = signed_in().workspace
    return NewSource(
        payment_sources.get_source(session, workspace=workspace, source_id=source_id), ""
    )


def _get(source_id: str) -> PaymentSource:
    with reading() as session:
        return payment_sources.get_source(
            session, workspace=signed_in().workspace, source_id=source_id
        )


def _switch(source_id: str, *, is_on: bool) -> Response:
    if press(
        lambda session: payment_sources.switch(
            session,
            workspace=signed_in().workspace,
            source_id=source_id,
            is_on=is_on,
            by=actor(),
        )
    ):
        say("On. It may tell of payments." if is_on else "Off. What it tells is refused.")
    return go(url_for("payments.show", source_id=source_id))


def _address(source: PaymentSource) -> str:
    return f"{request.host_url.rstrip('/')}{PAYMENTS_PREFIX}payments/{source.id}"


def _form_page(form: SourceForm) -> Response:
    with reading() as session:
        known = programs.list_programs(session, workspace_id=workspace_id())
    form.offer(known)
    return page("payments/form.html", form=form, programs=known)


def _part(form: RenameForm | ReplaceSecretForm, source: PaymentSource, name: str) -> Response:
    return part_page(
        f"payments/_{name}_form.html",
        title={"rename": "Rename the source", "secret": "Replace the secret"}[name],
        form=form,
        source=source,
        kind=KINDS[source.kind],
    )


def _made(made: NewSource) -> Response:
    if made.source.kind != "regulars":
        say("Saved. The secret is kept and not shown again.")
        return go(url_for("payments.show", source_id=made.source.id))
    return page("payments/secret.html", made=made)
