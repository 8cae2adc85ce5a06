"""Answers: a page or its part from the same files, a way on after an act, a message with Undo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Flask,
    Response,
    current_app,
    render_template,
    request,
)

from app.http.messages import take_message
from app.web.base_form import RegularsForm

Crumb = tuple[str, str]
"""The path and the name of a page on the way to the one that is shown."""


def install(app: Flask) -> None:
    """Let the templates show the message of the act before."""
    app.add_template_global(take_message)


def page(template: str, *, part: str | None = None, **values: Any) -> Response:
    """Render a whole page, or only its part when htmx asked for that.

    The status of the answer is 200, or that of the form among `values` that was refused.

    Args:
        part: the partial's file; its root element has the id that htmx targets.
    """
    forms = [each for each in values.values() if isinstance(each, RegularsForm)]
    status = max((form.status for form in forms), default=HTTPStatus.OK)
    wants_part = part is not None and _wants_part(part)
    text = render_template(part if part and wants_part else template, part=part, **values)
    response = current_app.make_response((text, status))
    response.vary.update(("HX-Request", "HX-Target"))
    _keep_address(response)
    return response


def part_page(
    part: str,
    *,
    title: str,
    heading: str = "",
    crumbs: Sequence[Crumb] = (),
    in_card: bool = True,
    **values: Any,
) -> Response:
    """Render a partial, which is the whole matter of its page, as `page` does.

    Args:
        part: the partial's file.
        title: what the browser calls the page.
        heading: the page's h1, if it is not the title. On a card, which has a heading of its own,
            it is for screen readers only.
        crumbs: the links above it, from the outermost on.
        in_card: False for a partial that needs no card around it.
    """
    return page(
        "part.html",
        part=part,
        title=title,
        heading=heading,
        crumbs=crumbs,
        in_card=in_card,
        **values,
    )


def go(path: str) -> Response:
    """Go on to a page after an act: see-other for a plain form, a swap of the page for htmx."""
    if not request.headers.get("HX-Request"):
        return redirect_to(path, 303)
    where = {
        "path": path,
        "target": "#main",
        "select": "#main",
        "swap": "outerHTML show:window:top",
    }
    return current_app.response_class(
        status=200,
        headers={"HX-Location": json.dumps(where), "HX-Trigger": "regulars:done"},
    )


def redirect_to(path: str, status: int = 302) -> Response:
    """Lead to another page of ours."""
    return current_app.response_class(status=status, headers={"Location": path})


def _wants_part(part: str) -> bool:
    if not request.headers.get("HX-Request") or request.headers.get("HX-History-Restore-Request"):
        return False
    word, name = part.removesuffix(".html").split("/_")
    targets = {f"{word}-{name.replace('_', '-')}", "dialog"}
    return request.headers.get("HX-Target") in targets


def _keep_address(response: Response) -> None:
    # A swap of the page one is on is no new step: Back must lead to the page before.
    shown = urlsplit(request.headers.get("HX-Current-URL", "")).path
    if request.headers.get("HX-Target") == "main" and shown == request.path:
        response.headers["HX-Replace-Url"] = request.full_path.rstrip("?")
