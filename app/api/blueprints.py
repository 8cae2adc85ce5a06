"""How each resource's blueprint is made, and what every API request goes through."""

from __future__ import annotations

from flask import Flask, Response
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from flask_openapi3.types import ResponseDict
from werkzeug.routing import BaseConverter

from app.api import parsing, responses, schemas
from app.http import keys
from app.http.requests import is_api, is_payments

_REFUSALS: ResponseDict = {
    "400": schemas.ErrorBody,
    "401": schemas.ErrorBody,
    "403": schemas.ErrorBody,
    "404": schemas.ErrorBody,
    "405": schemas.ErrorBody,
    "409": schemas.ErrorBody,
    "413": schemas.ErrorBody,
    "415": schemas.ErrorBody,
    "422": schemas.ErrorBody,
    "429": schemas.ErrorBody,
    "500": schemas.ErrorBody,
    "503": schemas.ErrorBody,
}

SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}]


class OurIdConverter(BaseConverter):
    """An id of ours: a prefix, an underscore and the rest. A verb in its place is no id."""

    regex = "[a-z]+_[^/]+"


class CallersIdConverter(BaseConverter):
    """An id that the caller chose: any characters, slashes too."""

    regex = ".+"
    part_isolating = False


def make(name: str, prefix: str, description: str) -> APIBlueprint:
    """Make the blueprint of one resource; `description` says in the document what it is."""
    tag = Tag(name=name.replace("_", " "), description=description)
    return APIBlueprint(
        f"api_{name}",
        __name__,
        url_prefix=f"/v1{prefix}",
        abp_tags=[tag],
        abp_security=SECURITY,
        abp_responses=_REFUSALS,
        operation_id_callback=lambda *, name, path, method: name,  # noqa: ARG005 - its interface
    )


def install(app: Flask) -> None:
    """Let every request below `/v1` bring its key, its JSON and its place in the log."""
    app.request_class = parsing.StrictRequest
    app.url_map.converters["our_id"] = OurIdConverter
    app.url_map.converters["callers_id"] = CallersIdConverter
    # Two slashes may be part of a caller's id, and no answer of the API is a redirect.
    app.url_map.merge_slashes = False
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    if is_api() and not is_payments():
        keys.authenticate()
        parsing.check_address()
        parsing.read_body()


def _finish(response: Response) -> Response:
    return responses.finish(response) if is_api() else response
