"""A POST to an address that somebody else chose goes there, or nowhere, and ends in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from app import clock
from app.services.webhooks.deliveries import Answer
from app.worker import posting
from tests.support.receivers import (
    dripping,
    dripping_body,
    endless,
    receiving,
    reset,
    slow,
    status,
)

# Ways of writing this machine, its network, or what hides behind a name that leads there.
_HOSTS = (
    *("localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.1", "127.0.1", "2130706433"),
    *("0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "0x7f.0x0.0x0.0x1", "127.0.0.1."),
    *("0", "0.0.0.0", "0x0", "00000000", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]"),  # noqa: S104
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"),
    *("[2002:7f00:1::]", "[fe80::1]", "[fec0::1]", "[fc00::1]", "[ff02::1]", "[3fff::1]"),
    *("10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "192.0.0.8"),
    *("198.18.0.1", "224.0.0.1", "255.255.255.255", "2852039166", "0xa9fea9fe"),
    *("ip6-localhost", "\uff11\uff12\uff17.0.0.1", "①②⑦.0.0.1", "127。0。0。1"),
)
_FORMS = (
    "https://{host}:{port}/",
    "https://{host}:{port}/hooks?x=1#y",
    "https://{host}:{port}",
)
_ODD = (
    "http://{host}:{port}/",
    "https://user:secret@{host}:{port}/",
    "https://shop.example.com@{host}:{port}/",
    "https:///{host}:{port}/",
    "//{host}:{port}/",
    "{host}:{port}",
    "ftp://{host}:{port}/",
    "file://{host}:{port}/etc/passwd",
    "gopher://{host}:{port}/_x",
    "https://{host}:0/",
    "https://{host}:99999/",
    "https://{host}:{port}@/",
    "javascript:alert(1)",
    "https://",
    "",
)


class Ear:
    """A port on every address of this machine that notes whoever connects."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self._socket = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
        self._socket.settimeout(0.05)
        self.port: int = self._socket.getsockname()[1]
        self._is_open = True
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def close(self) -> None:
        self._is_open = False
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while self._is_open:
            try:
                connection, address = self._socket.accept()
            except TimeoutError:
                continue
            self.heard.append(address)
            connection.close()


@pytest.fixture
def ear() -> Iterator[Ear]:
    found = Ear()
    yield found
    found.close()


def test_no_hostile_address_reaches_this_machine(ear: Ear) -> None:
    urls = [form.format(host=host, port=ear.port) for host in _HOSTS for form in _FORMS]
    urls += [form.format(host="127.0.0.1", port=ear.port) for form in _ODD]
    assert len(urls) >= 100

    answers = {url: posting.post(url, {}, b"{}", deadline_seconds=5) for url in urls}

    assert {url: each for url, each in answers.items() if each.status or not each.error} == {}
    assert ear.heard == []


def test_the_ear_would_hear(ear: Ear) -> None:
    posting.post(f"http://127.1:{ear.port}/", {}, b"{}", allows_private=True, deadline_seconds=1)

    assert len(ear.heard) == 1


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two answers of a name server nothing can change: what is judged is connected to."""

    def both(host: str, port: int, **_more: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.216.34", "127.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)

    with pytest.raises(posting.Refused):
        posting.resolve("shop.example.com", 443, allows_private=False, seconds=1)


@pytest.mark.parametrize(
    ("host", "is_listed"),
    [
        ("127.0.0.1", True),
        ("LOCALHOST", True),
        ("shop.localhost", False),
        ("localhost.evil.example", False),
        ("a.hooks.localhost", True),
        ("hooks.localhost", False),
        ("eviLhooks.localhost", False),
    ],
)
def test_only_listed_hosts_are_asked_where_there_is_a_list(host: str, is_listed: bool) -> None:
    hosts = ("127.0.0.1", "localhost", ".hooks.localhost")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.1)
        url = f"http://{host}:{silent.getsockname()[1]}/"
        answer = posting.post(
            url, {}, b"{}", allows_private=True, hosts=hosts, deadline_seconds=0.5
        )
        is_refused = "not among those" in answer.error
        assert is_refused != is_listed
        if is_refused:
            with pytest.raises(TimeoutError):
                silent.accept()


def answer_of(answer: object, *, seconds: float = 1) -> Answer:
    with receiving(answer) as receiver:  # type: ignore[arg-type]
        return posting.post(receiver.url, {}, b"{}", allows_private=True, deadline_seconds=seconds)


@pytest.mark.parametrize("answer", [slow(3), dripping])
def test_the_deadline_ends_everything(answer: object) -> None:
    began = time.monotonic()

    found = answer_of(answer)

    assert found.status is None
    assert found.error == "No answer within 1 s"
    assert time.monotonic() - began < 2.5


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 9999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_a_body_that_drips_ends_with_the_deadline_and_its_status_counts(head: str) -> None:
    began = time.monotonic()

    found = answer_of(dripping_body(head))

    assert found.status == 200
    assert time.monotonic() - began < 2.5


def test_a_silent_name_server_holds_up_its_own_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    is_over = threading.Event()
    real = socket.getaddrinfo

    def slow_for_one(host: str, *more: Any, **named: Any) -> Any:
        asked.append(host)
        if host == "silent.example.com":
            is_over.wait(20)
        return real("127.0.0.1" if host == "shop.example.com" else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow_for_one)
    url = "http://silent.example.com/"
    crowd = [
        threading.Thread(
            target=posting.post,
            args=(url, {}, b"{}"),
            kwargs={"allows_private": True, "deadline_seconds": 1},
        )
        for _ in range(40)
    ]
    for thread in crowd:
        thread.start()
    with receiving(status(200)) as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        began = time.monotonic()
        found = posting.post(f"http://shop.example.com:{port}/", {}, b"{}", allows_private=True)
        took = time.monotonic() - began
    for thread in crowd:
        thread.join()
    is_over.set()

    assert (found.status, took < 1) == (200, True)
    assert asked.count("silent.example.com") == 1


@pytest.mark.parametrize("asked", ["Fri, 31 Dec 9999 23:59:59 -2300", "soon", "\u00e9"])
def test_an_impossible_date_asks_for_nothing(asked: str) -> None:
    assert answer_of(status(503, Retry_After=asked)).retry_after_seconds is None


def test_a_success_asks_for_no_more_time() -> None:
    assert answer_of(status(200, Retry_After="17")).retry_after_seconds is None


def test_a_handshake_that_never_ends_ends_with_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        began = time.monotonic()
        found = posting.post(
            f"https://127.0.0.1:{port}/", {}, b"{}", allows_private=True, deadline_seconds=1
        )

    assert found.error == "No answer within 1 s"
    assert time.monotonic() - began < 2


def test_an_endless_answer_is_cut_off() -> None:
    found = answer_of(endless)

    assert found.status == 200
    assert len(found.start) == 500


def test_an_answer_that_breaks_after_its_status_has_been_given() -> None:
    found = answer_of(reset)

    assert (found.status, found.start, found.error) == (200, "half", "")


def test_a_connection_that_breaks_before_its_status_is_no_success() -> None:
    found = answer_of(lambda handler, _: handler.connection.close())

    assert found.status is None
    assert found.error.startswith("The connection broke")


def test_a_refused_connection_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    found = posting.post(f"http://127.0.0.1:{port}/", {}, b"{}", allows_private=True)

    assert found.error == "The connection was refused."


def test_the_second_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(status(200)) as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        # Nobody listens at the first one.
        both = ["127.0.0.9", "127.0.0.1"]
        monkeypatch.setattr(posting, "resolve", lambda *_, **__: both)
        found = posting.post(f"http://shop.example.com:{port}/", {}, b"{}", allows_private=True)

    assert (found.status, len(receiver.received)) == (200, 1)


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("17", 17), ("-1", None), ("soon", None), ("99999999999", 999_999_999)],
)
def test_a_retry_after_is_read(asked: str, seconds: int | None) -> None:
    assert answer_of(status(503, Retry_After=asked)).retry_after_seconds == seconds


def test_a_retry_after_may_be_a_date() -> None:
    moment = format_datetime(clock.now() + timedelta(minutes=2), usegmt=True)

    seconds = answer_of(status(503, Retry_After=moment)).retry_after_seconds

    assert seconds is not None
    assert 115 <= seconds <= 120


def test_an_answer_is_told_with_its_beginning() -> None:
    found = answer_of(status(503, Retry_After="17"))

    assert (found.status, found.start, found.retry_after_seconds) == (503, "noted", 17)
    assert found.duration_ms > 0
