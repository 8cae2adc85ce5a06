"""An integrator's program without a network: Flask's test client with a key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.http.request_log import log_of
from app.rules.actors import SYSTEM
from app.services import workspaces
from app.services.api_keys import keys
from tests.cast import Cast


@dataclass(frozen=True)
class Reply:
    """One answer of the API."""

    response: TestResponse

    @property
    def status(self) -> int:
        """Give the status."""
        return self.response.status_code

    @property
    def body(self) -> Any:
        """Give the parsed answer."""
        return json.loads(self.response.get_data())

    @property
    def text(self) -> str:
        """Give the answer, byte for byte."""
        return self.response.get_data(as_text=True)

    @property
    def code(self) -> str:
        """Give the error's code."""
        return str(self.body["error"]["code"])

    @property
    def param(self) -> str | None:
        """Give the error's parameter."""
        found: str | None = self.body["error"]["param"]
        return found

    @property
    def replayed(self) -> str | None:
        """Give the header that says that this happened before."""
        return self.response.headers.get("Idempotent-Replayed")


class Program:
    """A caller with a key."""

    def __init__(self, app: Flask, secret: str) -> None:
        self.app = app
        self.secret = secret

    def get(self, path: str, **query: Any) -> Reply:
        """Read."""
        return self._send("GET", path, **({"query_string": query} if query else {}))

    def post(self, path: str, body: Any = None, key: str | None = None) -> Reply:
        """Make or do something."""
        headers = {"Idempotency-Key": key} if key is not None else {}
        return self._send("POST", path, json=body, headers=headers)

    def patch(self, path: str, body: Any) -> Reply:
        """Change something."""
        return self._send("PATCH", path, json=body)

    def delete(self, path: str) -> Reply:
        """Remove something."""
        return self._send("DELETE", path)

    def raw(self, path: str, data: bytes | str, content_type: str = "application/json") -> Reply:
        """Send a body just as it is."""
        return self._send("POST", path, data=data, content_type=content_type)

    def logged(self) -> None:
        """Wait until the log of requests is written."""
        log_of(self.app).flush()

    def _send(self, method: str, path: str, **given: Any) -> Reply:
        if given.get("json") is None:
            given.pop("json", None)
        headers = {"Authorization": f"Bearer {self.secret}", **given.pop("headers", {})}
        client = self.app.test_client()
        return Reply(client.open(f"/v1{path}", method=method, headers=headers, **given))


def make_secret(cast: Cast, *, mode: str = "sandbox", scopes: list[str] | None = None) -> str:
    """Make a key of the shop."""
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode=mode)
        made = keys.create(
            session, workspace=workspace, name="Till server", scopes=scopes, by=SYSTEM
        )
    return made.secret
