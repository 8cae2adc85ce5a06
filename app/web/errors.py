"""Error pages: what happened, what to do, and the request's id for who has to look it up."""

from __future__ import annotations

from flask import Response, current_app, render_template, request
from markupsafe import escape

from app.http.failures import Failure
from app.http.requests import request_id

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


def page(failure: Failure) -> Response:
    """Tell of a failure on a page."""
    message = failure.message or _MESSAGES.get(failure.status, "Go back and try again.")
    if request.headers.get("HX-Target") == "counter-stage":
        # A page in place of the stage would leave the counter without one.
        headers = {"HX-Retarget": "#counter-net", "HX-Reswap": "innerHTML"}
        return current_app.make_response((str(escape(message)), failure.status, headers))
    text = render_template(
        "errors/error.html",
        status=failure.status,
        heading=_HEADINGS.get(failure.status, "That did not work"),
        message=message,
        request_id=request_id(),
    )
    return current_app.make_response((text, failure.status))
