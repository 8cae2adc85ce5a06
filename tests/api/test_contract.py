"""The document holds: schemathesis with all its checks, against a served shop of two merchants."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from flask import Flask
from pydantic import TypeAdapter

from app.api.document import BODIES, scope_of
from app.rules.actors import SYSTEM
from app.services import merchants, workspaces
from app.services.api_keys import keys
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.serving import served

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "20"
TIMEOUT_SECONDS = 300


@pytest.fixture
def callers(cast: Cast, tmp_path: Path) -> Path:
    """Give a file with a key of this merchant and one of another merchant."""
    with cast.database.writing() as session:
        other = merchants.create(session, name="Another shop")
        workspace = workspaces.get_workspace(session, merchant_id=other.id, mode="sandbox")
        made = keys.create(session, workspace=workspace, name="Theirs", by=SYSTEM)
    secrets = {"one": make_secret(cast), "other": made.secret}
    people = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {secret}"}]}
        for name, secret in secrets.items()
    ]
    path = tmp_path / "callers.json"
    path.write_text(json.dumps({"auth": people}))
    return path


def test_all_checks_of_schemathesis_pass(
    cast: Cast, app: Flask, callers: Path, tmp_path: Path
) -> None:
    member = factories.enrol(cast, "Ngozi Okafor")
    factories.award(cast, member, 5000)
    factories.redeem(cast, member, factories.make_reward(cast, points_cost=10))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)]
    options = ["--checks", "all", "--max-examples", EXAMPLES, "--no-color", "--warnings", "off"]

    with served(app) as address:
        done = subprocess.run(  # noqa: S603 - our own command
            [*command, "run", f"{address}/openapi.json", *options],
            env={**os.environ, "REGULARS_CALLERS": str(callers), "PYTHONPATH": str(Path.cwd())},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Tested: 35" in done.stdout
    assert factories.verify(cast).fault is None


def test_the_document_says_where_every_call_is(api: Program) -> None:
    """Every route of the API is in the document, and nothing else is."""
    document = api.app.test_client().get("/openapi.json").get_json()
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    routed = {
        (method, re.sub(r"<\w+:(\w+)>", r"{\1}", rule.rule))
        for rule in api.app.url_map.iter_rules()
        if rule.rule.startswith("/v1/") and not rule.rule.startswith("/v1/inbound/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert document["openapi"].startswith("3.1")
    assert described == routed


def test_every_body_has_an_example_that_its_call_accepts(app: Flask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    views = {view.__name__: inspect.unwrap(view) for view in app.view_functions.values()}
    operations = [each for item in document["paths"].values() for each in item.values()]
    bodies = [each for each in operations if "requestBody" in each]

    assert len(bodies) == len(BODIES)
    for operation in bodies:
        example = operation["requestBody"]["content"]["application/json"]["example"]
        taken = get_type_hints(views[operation["operationId"]])["body"]
        assert TypeAdapter(taken).validate_json(json.dumps(example), strict=True)


def test_the_scope_that_a_call_is_said_to_need_is_the_one_it_asks_for(app: Flask) -> None:
    document = app.test_client().get("/openapi.json").get_json()
    views = {view.__name__: inspect.unwrap(view) for view in app.view_functions.values()}

    for item in document["paths"].values():
        for method, operation in item.items():
            asked = re.search(
                r'check_scope\("(.+?)"\)', inspect.getsource(views[operation["operationId"]])
            )
            assert asked is not None
            assert scope_of(operation, method) == asked.group(1)
            assert f"`{asked.group(1)}`" in operation["description"]


def test_the_reference_page_shows_every_call(app: Flask) -> None:
    text = app.test_client().get("/docs").get_data(as_text=True)

    for operation in ("award_points", "create_redemption", "delete_webhook_endpoint"):
        assert f'id="{operation}"' in text
