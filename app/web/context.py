"""What every page knows: who is signed in, where, and the short facts of the frame."""

from __future__ import annotations

from typing import Any

from flask import Flask, request

from app.http.actors import find_signed_in, may
from app.http.idle import idle_seconds
from app.web.base_form import ActForm


def install(app: Flask) -> None:
    """Give the templates the frame's facts."""
    app.context_processor(_frame)
    app.add_template_global(may)
    app.add_template_global(_act_form, "act_form")


def _frame() -> dict[str, Any]:
    person = find_signed_in()
    if person is None:
        return {"me": None, "mode": "live", "is_htmx": False}
    return {
        "me": person,
        # A till locks itself by its own clock (static/app.js).
        "idle_seconds": None if person.device else idle_seconds(person),
        "mode": "live" if person.workspace.is_live else "test",
        "is_htmx": bool(request.headers.get("HX-Request")),
    }


def _act_form() -> ActForm:
    return ActForm(formdata=None)
