"""The receivers of docs/webhooks.md run as they stand and refuse what was changed."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.db.database import Database
from app.metrics import Metrics
from app.models.webhooks import WebhookEndpoint
from app.rules import signing
from app.services.outbox import EVENT_TYPES
from app.worker.delivering import Deliverer
from scripts.vendor import get_node
from tests import factories
from tests.cast import Cast
from tests.support.shops import shop_in
from tests.support.webhooks import deliver, deliveries

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
START_SECONDS = 10


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop."""
    return shop_in(sqlite)


def receiver_in(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def command_for(language: str, file: Path) -> list[str]:
    if language == "python":
        return [sys.executable, str(file)]
    return [str(get_node().node), str(file)]


@contextmanager
def running(language: str, folder: Path, port: int, secret: str) -> Iterator[Path]:
    """Run a receiver of the guide and give the file that it prints to."""
    file = folder / ("receiver.py" if language == "python" else "receiver.cjs")
    file.write_text(receiver_in(language))
    printed = folder / "printed.txt"
    with printed.open("w") as out:
        process = subprocess.Popen(  # noqa: S603 - our own guide
            command_for(language, file),
            env={
                **os.environ,
                "PORT": str(port),
                "WEBHOOK_SECRET": secret,
                "NODE_PATH": str(ROOT / "node_modules"),
            },
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(port, process)
            yield printed
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + START_SECONDS
    while time.monotonic() < ends_at:
        assert process.poll() is None, "the receiver ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the receiver does not listen")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def answered(url: str, body: bytes, headers: dict[str, str]) -> int:
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - our own
    try:
        with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - our own
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def tampered(endpoint: WebhookEndpoint) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Give a good webhook, and what is wrong in one way each."""
    body = json.dumps({"id": "evt_1", "type": "loyalty.points.earned"}).encode()
    now = int(time.time())

    def signed(secret: str = endpoint.secret, moment: int = now) -> dict[str, str]:
        return signing.headers(secrets=[secret], message_id="evt_1", moment=moment, body=body)

    return {
        "good": (body, signed()),
        "body": (body.replace(b"earned", b"burned"), signed()),
        "id": (body, {**signed(), "webhook-id": "evt_2"}),
        "time": (body, {**signed(), "webhook-timestamp": str(now + 1)}),
        "old": (body, signed(moment=now - 301)),
        "secret": (body, signed("whsec_" + "A" * 43 + "=")),
        "no signature": (body, {}),
    }


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_receiver_of_the_guide_takes_what_is_ours_and_nothing_else(
    cast: Cast, tmp_path: Path, language: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/hooks"
    endpoint = factories.make_endpoint(cast, "loyalty.points.earned", url=url)
    with running(language, tmp_path, port, endpoint.secret) as printed:
        member = factories.enrol(cast, "Hana Kovářová")
        factories.award(cast, member, 250, reason="Käse & Kaffee ☕")
        deliverer = Deliverer(cast.database, allows_private=True, metrics=Metrics())
        deliver(deliverer)
        deliverer.close()
        answers = {name: answered(url, *each) for name, each in tampered(endpoint).items()}
        told = printed.read_text().split("\n")

    (delivery,) = deliveries(cast)
    assert (delivery.status, delivery.last_status) == ("delivered", 204)
    assert told[0] == f"loyalty.points.earned {delivery.event_id}"
    assert answers.pop("good") == 204
    assert set(answers.values()) == {401}


def test_the_guide_names_every_event() -> None:
    table = GUIDE.partition("| event | when |")[2].partition("```json")[0]

    assert set(re.findall(r"`(loyalty\.[a-z.]+)`", table)) == set(EVENT_TYPES)
