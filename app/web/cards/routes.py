"""A member's card: for staff to print and to link, and for the member on a phone."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for

from app.http.access import by_link, requires
from app.http.actors import actor, signed_in, workspace_id
from app.http.database import reading
from app.http.messages import say
from app.rules import cards as drawn
from app.rules.actors import Permission
from app.services.members import cards, enrolment
from app.web.base_form import press
from app.web.responses import go, page

blueprint = Blueprint("cards", __name__)


@blueprint.get("/members/<member_id>/card")
@requires(Permission.READ)
def show(member_id: str) -> Response:
    """Show a card with its codes, its link, and a way to print it."""
    with reading() as session:
        member = enrolment.get_member(session, workspace_id=workspace_id(), member_id=member_id)
        link = cards.find_link(session, workspace=signed_in().workspace, member_id=member_id)
    address = _address(link.token) if link else ""
    return page(
        "cards/show.html",
        member=member,
        address=address,
        link_qr=drawn.qr_code(address) if address else None,
        **_codes(member.customer.card_number or member.id),
    )


@blueprint.post("/members/<member_id>/card/number")
@requires(Permission.ENROL)
def give_number(member_id: str) -> Response:
    """Give a card number to who has none."""
    if press(
        lambda session: cards.give_number(
            session, workspace_id=workspace_id(), member_id=member_id, by=actor()
        )
    ):
        say("The card has a number.")
    return go(url_for("cards.show", member_id=member_id))


@blueprint.post("/members/<member_id>/card/link")
@requires(Permission.ENROL)
def make_link(member_id: str) -> Response:
    """Make a link for the member's phone."""
    if press(
        lambda session: cards.make_link(
            session, workspace=signed_in().workspace, member_id=member_id, by=actor()
        )
    ):
        say("The link is made. Let the member scan it.")
    return go(url_for("cards.show", member_id=member_id))


@blueprint.post("/members/<member_id>/card/revoke")
@requires(Permission.ENROL)
def revoke_link(member_id: str) -> Response:
    """Let the link open nothing any more."""
    if press(
        lambda session: cards.revoke_link(
            session, workspace=signed_in().workspace, member_id=member_id, by=actor()
        )
    ):
        say("The link opens nothing any more.")
    return go(url_for("cards.show", member_id=member_id))


@blueprint.get("/card/<token>")
@by_link
def public(token: str) -> Response:
    """Show the card to whoever has its link: balance, card, next reward."""
    with reading() as session:
        opened = cards.open_link(session, token=token)
    number = opened.member.customer.card_number or opened.member.id
    response = page("cards/public.html", opened=opened, **_codes(number))
    # The address is the key: it is sent to no other site, and no search engine keeps it.
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _codes(number: str) -> dict[str, Any]:
    return {
        "number": drawn.grouped(number),
        "qr": drawn.qr_code(number),
        "bars": drawn.code_128(number),
    }


def _address(token: str) -> str:
    return request.host_url.rstrip("/") + url_for("cards.public", token=token)
