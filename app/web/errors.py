"""Error pages: what happened, what to do, and the request's id for who has to look it up."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, current_app, request
from markupsafe import escape

from app.http.failures import Failure
from app.http.requests import request_id

_FORM = re.compile(r"[a-z-]+-form|ledger-effect")
"""The ids of what may be in a dialog, beside which nothing is seen: forms, and a part of one."""

_HEADINGS = {
    400: "That did not work",
    403: "Not allowed",
    404: "Not found",
    405: "That can't be opened like this",
    409: "Already sent",
    413: "Too large",
    422: "Not possible now",
    429: "Too many tries",
    500: "Something broke here",
    503: "Not saved",
}

_MESSAGES = {
    404: "There is nothing at this address. Check it, or search for the member.",
    405: "Go back and use the button on the page.",
    413: "That was too large. Send less at once.",
    500: "Nothing was changed. Try again; if it stays broken, tell who runs Regulars the id below.",
    503: "The database did not answer. Nothing was changed. Try again, it cannot count twice.",
}

_CHECK_HEADING = "Check whether it was saved"
_CHECK_MESSAGES = {
    500: "Something broke here, and this may have been saved. Look for it before you send it "
    "again. If it stays broken, tell whoever runs Regulars the id below.",
    503: "The database stopped answering, and this may have been saved. Look for it before you "
    "send it again.",
}


def page(failure: Failure) -> Response:
    """Tell of a failure on a page."""
    message = failure.message or _MESSAGES.get(failure.status, "Go back and try again.")
    heading = _HEADINGS.get(failure.status, "That did not work")
    if failure.may_be_saved:
        message, heading = _CHECK_MESSAGES[failure.status], _CHECK_HEADING
    target = request.headers.get("HX-Target", "")
    if request.headers.get("HX-Request") and target != "main":
        return _part(failure.status, target, heading, message)
    text = _render(
        "errors/error.html",
        status=failure.status,
        heading=heading,
        message=message,
        request_id=request_id(),
    )
    return current_app.make_response((text, failure.status))


def _part(status: int, target: str, heading: str, message: str) -> Response:
    """Tell of it beside what one is at: a page in its place would lose what is typed there."""
    # What the one who asked would have picked from the answer is not in this one.
    headers = {"HX-Reselect": "unset"}
    if target == "counter-stage":
        headers |= {"HX-Retarget": "#counter-net", "HX-Reswap": "innerHTML"}
        return current_app.make_response((str(escape(message)), status, headers))
    if target == "dialog":
        place = "dialog"
    elif _FORM.fullmatch(target):
        place = "form"
        headers |= {"HX-Retarget": f"#{target}", "HX-Reswap": "afterbegin"}
    else:
        place = "toast"
        headers |= {"HX-Retarget": "#toast", "HX-Reswap": "innerHTML"}
    text = _render("errors/part.html", place=place, heading=heading, message=message)
    return current_app.make_response((text, status, headers))


def _render(template: str, **values: Any) -> str:
    """Render a template without the frame's facts: they read the person from the database."""
    return current_app.jinja_env.get_template(template).render(values)
