"""The document and the page that reads it to people; both are open to everyone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template
from flask_openapi3.openapi import OpenAPI
from markupsafe import Markup, escape

from app.api.document import document, scope_of
from app.api.error_codes import ERROR_CODES
from app.http.access import public

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
@public
def openapi() -> Response:
    """Give the OpenAPI document."""
    text = json.dumps(document(cast(OpenAPI, _app())), ensure_ascii=False)
    return current_app.response_class(text, mimetype="application/json")


@blueprint.get("/docs")
@public
def docs() -> str:
    """Show the calls, what each takes and what it answers."""
    found = document(cast(OpenAPI, _app()))
    return render_template(
        "reference/docs.html",
        document=found,
        groups=_groups(found),
        objects=_objects(found),
        error_codes=[
            (code, status, _marked(words)) for code, (status, words) in ERROR_CODES.items()
        ],
    )


def _app() -> object:
    return current_app._get_current_object()  # type: ignore[attr-defined]  # werkzeug's proxy


def _groups(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the calls by resource: each with its method, path, parameters and schemas."""
    schemas = found["components"]["schemas"]
    groups = {tag["name"]: {**tag, "calls": []} for tag in found["tags"]}
    for path, item in found["paths"].items():
        for method, operation in item.items():
            groups[operation["tags"][0]]["calls"].append(
                {
                    "method": method.upper(),
                    "path": path,
                    "id": operation["operationId"],
                    "name": operation["summary"].split(". ")[0].rstrip("."),
                    "summary": operation["summary"],
                    "words": _marked(operation["description"].rpartition("Needs the scope ")[0]),
                    "scope": scope_of(operation, method),
                    "parameters": [_parameter(each) for each in operation.get("parameters", [])],
                    "takes": _fields_of_body(operation.get("requestBody"), schemas),
                    "example": _example(operation),
                    "answers": _answer(operation),
                }
            )
    return list(groups.values())


def _objects(found: dict[str, Any]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Give what the calls answer: name, description and fields of each."""
    schemas = found["components"]["schemas"]
    shown = [
        name
        for name, schema in schemas.items()
        if "object" in schema.get("properties", {}) and not name.endswith("List")
    ]
    return [
        (name, schemas[name]["description"], _fields([schemas[name]], schemas))
        for name in [*shown, "ErrorDetail"]
    ]


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    kind = _kind(parameter["schema"], {})
    words = parameter.get("description", "")
    return {
        "name": parameter["name"],
        "in": parameter["in"],
        "words": _marked(f"{kind}. {words}" if words else kind),
    }


def _fields_of_body(body: dict[str, Any] | None, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if body is None:
        return []
    schema = _resolved(body["content"]["application/json"]["schema"], schemas)
    shapes = [_resolved(each, schemas) for each in schema.get("oneOf", [schema])]
    return _fields(shapes, schemas)


def _fields(
    shapes: list[dict[str, Any]], schemas: dict[str, Any], within: str = ""
) -> list[dict[str, Any]]:
    """Give the fields of an object, of all its shapes together, and those of objects in it."""
    rows = []
    for name in dict.fromkeys(each for shape in shapes for each in shape.get("properties", {})):
        known = [shape for shape in shapes if name in shape["properties"]]
        fields = [shape["properties"][name] for shape in known]
        rows.append(
            {
                "name": within + name,
                "kind": _kinds(fields, schemas),
                "words": _marked(fields[0].get("description", "")),
                "required": all(name in shape.get("required", []) for shape in shapes),
            }
        )
        for inner, mark in _inside(fields[0], schemas):
            rows += _fields([inner], schemas, f"{within}{name}{mark}.")
    return rows


def _inside(field: dict[str, Any], schemas: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Give the objects in a field that have no name of their own on the page, and its mark."""
    for each in field.get("anyOf", [field]):
        mark, value = ("[]", each.get("items", {})) if each.get("type") == "array" else ("", each)
        found = _resolved(value, schemas)
        if "properties" in found and not _name_on_page(value, found):
            yield found, mark


def _name_on_page(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """Give the name under which the page shows an object, or ""."""
    name = str(field.get("$ref", "")).rpartition("/")[2]
    return name if "object" in schema.get("properties", {}) or name == "ErrorDetail" else ""


def _kinds(fields: list[dict[str, Any]], schemas: dict[str, Any]) -> str:
    """Say what a field holds that differs from shape to shape."""
    each = dict.fromkeys(_kind(field, schemas) for field in fields)
    is_choice = all("enum" in field or "const" in field for field in fields)
    return (" | " if is_choice else " or ").join(each)


def _kind(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Say in a few words what a field holds."""
    if "enum" in field:
        return " | ".join(str(each) for each in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(each, schemas) for each in field["anyOf"]))
    if "$ref" in field:
        return _name_on_page(field, _resolved(field, schemas)) or "object"
    kind = str(field.get("const", field.get("type", "any")))
    if kind == "array":
        return f"list of {_kind(field.get('items', {}), schemas)}"
    if field.get("format") == "date-time":
        return "time"
    return kind + _bounds(field)


def _marked(text: str) -> Markup:
    """Give a text whose code stands between backticks as HTML."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped


def _bounds(field: dict[str, Any]) -> str:
    """Say how large or long a value may be, and what holds when it is left out."""
    words = ""
    if "minimum" in field and "maximum" in field:
        words += f", {int(field['minimum']):,} to {int(field['maximum']):,}"
    if "maxLength" in field:
        words += f", at most {field['maxLength']:,} characters"
    if isinstance(field.get("default"), int):
        words += f", {field['default']} if left out"
    return words


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = schemas[schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def _example(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return json.dumps(content["example"], indent=2) if "example" in content else ""


def _answer(operation: dict[str, Any]) -> str:
    for status in ("201", "200"):
        if status in operation["responses"]:
            schema = operation["responses"][status]["content"]["application/json"]["schema"]
            return str(schema["$ref"].rpartition("/")[2])
    return ""
