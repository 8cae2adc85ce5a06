"""How pages call a member, and the way back to their page."""

from __future__ import annotations

from flask import url_for

from app.models.members import Member
from app.web.responses import Crumb


def name_of(member: Member) -> str:
    """Return a member's name, or their customer id if they have none."""
    return member.customer.name or member.customer_id


def crumbs_to(member: Member) -> tuple[Crumb, ...]:
    """Return the links above a page of one member."""
    return (
        (url_for("members.index"), "Members"),
        (url_for("members.show", member_id=member.id), name_of(member)),
    )
