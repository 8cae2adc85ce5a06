"""The document and the page that reads it to people; both are open to everyone."""

from __future__ import annotations

import json
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template
from flask_openapi3.openapi import OpenAPI

from app.api.document import document, scope_of
from app.api.error_codes import ERROR_CODES

blueprint = Blueprint("reference", __name__)


@blueprint.get("/openapi.json")
def openapi() -> Response:
    """Give the OpenAPI document."""
    text = json.dumps(document(cast(OpenAPI, _app())), ensure_ascii=False)
    return current_app.response_class(text, mimetype="application/json")


@blueprint.get("/docs")
def docs() -> str:
    """Show the calls, what each takes and what it answers."""
    found = document(cast(OpenAPI, _app()))
    return render_template(
        "reference/docs.html",
        document=found,
        groups=_groups(found),
        objects=_objects(found),
        error_codes=ERROR_CODES,
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
                    "summary": operation["summary"],
                    "scope": scope_of(operation, method),
                    "parameters": [_parameter(each) for each in operation.get("parameters", [])],
                    "takes": _fields(operation.get("requestBody"), schemas),
                    "example": _example(operation),
                    "answers": _answer(operation),
                }
            )
    return list(groups.values())


def _objects(found: dict[str, Any]) -> list[tuple[str, str, list[dict[str, str]]]]:
    """Give what the calls answer: name, description and fields of each."""
    schemas = found["components"]["schemas"]
    shown = [
        name
        for name, schema in schemas.items()
        if "object" in schema.get("properties", {}) and not name.endswith("List")
    ]
    return [
        (
            name,
            schemas[name]["description"],
            [
                {
                    "name": field,
                    "kind": _kind(schema, schemas),
                    "words": schema.get("description", ""),
                }
                for field, schema in schemas[name]["properties"].items()
            ],
        )
        for name in [*shown, "ErrorDetail"]
    ]


def _parameter(parameter: dict[str, Any]) -> dict[str, str]:
    kind = _kind(parameter["schema"], {})
    words = parameter.get("description", "")
    return {
        "name": parameter["name"],
        "in": parameter["in"],
        "words": f"{kind}. {words}" if words else kind,
    }


def _fields(body: dict[str, Any] | None, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the fields of a body; those of several shapes together."""
    if body is None:
        return []
    schema = _resolved(body["content"]["application/json"]["schema"], schemas)
    shapes = [_resolved(each, schemas) for each in schema.get("oneOf", [schema])]
    found: dict[str, dict[str, Any]] = {}
    for shape in shapes:
        for name, field in shape.get("properties", {}).items():
            required = name in shape.get("required", []) and len(shapes) == 1
            found.setdefault(
                name,
                {
                    "name": name,
                    "kind": _kind(field, schemas),
                    "words": field.get("description", ""),
                    "required": required or (len(shapes) > 1 and _in_all(name, shapes)),
                },
            )
    return list(found.values())


def _in_all(name: str, shapes: list[dict[str, Any]]) -> bool:
    return all(name in shape.get("required", []) for shape in shapes)


def _kind(field: dict[str, Any], schemas: dict[str, Any]) -> str:
    """Say in a few words what a field holds."""
    if "enum" in field:
        return " | ".join(str(each) for each in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(each, schemas) for each in field["anyOf"]))
    kind = "object" if "$ref" in field else str(field.get("const", field.get("type", "any")))
    if kind == "array":
        return f"list of {_kind(field.get('items', {}), schemas)}"
    if field.get("format") == "date-time":
        return "time"
    return kind + _bounds(field)


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
