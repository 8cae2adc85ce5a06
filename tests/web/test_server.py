"""The real server: where a request ends, which methods it takes, and which files it gives."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from flask import Flask

from app.factory import create_app
from tests.support.databases import SqliteMaker
from tests.support.serving import said, served
from tests.support.settings import make_settings

pytestmark = pytest.mark.xdist_group("server")
"""One process makes what its tests share."""

ROOT = Path(__file__).resolve().parents[2]

HEAD = b"POST /sign-in HTTP/1.1\r\nHost: shop.example.com\r\n"
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: shop.example.com\r\nX-Request-Id: hidden-one\r\n\r\n"
"""A request that hides in or behind another one; its answer would carry its id."""

LAST = b"GET /healthz HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
"""A request after which the server hangs up, if it has not before."""

CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

UNCLEAR = {
    "two lengths": HEAD + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN),
    "two lengths in one": HEAD + b"Content-Length: 0, %d\r\n\r\n" % len(HIDDEN),
    "a length with a sign": HEAD + b"Content-Length: +0\r\n\r\n",
    "a length below nothing": HEAD + b"Content-Length: -1\r\n\r\n",
    "a length in hexadecimal": HEAD + b"Content-Length: 0x0\r\n\r\n",
    "a blank after the name": HEAD + b"Content-Length : 0\r\n\r\n",
    "a name with a NUL": HEAD + b"Content-Length\x00: 0\r\n\r\n",
    "an encoding that nobody knows": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
    "an encoding that is none": HEAD + b"Transfer-Encoding: identity\r\n\r\n",
    "chunks that are not the last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "an encoding with an odd blank": HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "an encoding's name with a blank": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a header that ends in a bare line feed": HEAD + b"Content-Length: 0\nX-More: y\r\n\r\n",
    "a head of bare line feeds": b"GET /healthz HTTP/1.1\nHost: shop.example.com\n\n",
    "a chunk's size that ends in a bare line feed": CHUNKED + b"3\nabc\r\n0\r\n\r\n",
    "a chunk that ends in a bare line feed": CHUNKED + b"3\r\nabc\n0\r\n\r\n",
    "a chunk's note with a line feed": CHUNKED + b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a chunk's size in another notation": CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk's size with an underscore": CHUNKED + b"0_3\r\nabc\r\n0\r\n\r\n",
    "a chunk's size below nothing": CHUNKED + b"-1\r\nabc\r\n0\r\n\r\n",
    "a chunk that is longer than it says": CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n",
}
"""Beginnings of messages that two servers could read as messages of different lengths."""

OF_ALL_KINDS = (
    "/",
    "/sign-in",
    "/healthz",
    "/docs",
    "/static/app.css",
    "/v1/loyalty/programs",
    "/nothing-here",
)

OF_EVERY_PAGE = {"vendor", "tabler.css", "app.css", "htmx.min.js", "app.js", "passkeys.js"} | {
    "mark.svg"
}

OUTSIDE = (
    "/static/../pyproject.toml",
    "/static/%2e%2e/pyproject.toml",
    "/static/%2e%2e%2fpyproject.toml",
    "/static/..%2fpyproject.toml",
    "/static/%252e%252e/pyproject.toml",
    "/static/..\\pyproject.toml",
    "/static/..%5cpyproject.toml",
    "/static/%c0%ae%c0%ae/pyproject.toml",
    "/static/..;/pyproject.toml",
    "/static/vendor/../../pyproject.toml",
    "/static/vendor/%2e%2e/%2e%2e/pyproject.toml",
    "/static/app.css/../../pyproject.toml",
    "/static/../pyproject.toml%00.css",
    "/static/app.css%00",
    "/static/%00",
    f"/static/{ROOT}/pyproject.toml",
    f"/static/{str(ROOT).replace('/', '%2f')}%2fpyproject.toml",
    f"/static/file://{ROOT}/pyproject.toml",
    "/../pyproject.toml",
    "/pyproject.toml",
    "/%2e%2e/pyproject.toml",
    "//pyproject.toml",
    "/.git/config",
    "/static/../.git/config",
    "/static/%2e%2e/.git",
    "/app/config.py",
    "/templates/base.html",
    "/instance/secret_key",
)
"""Ways to files that are none of `static/`, as a client writes them that changes nothing."""


@pytest.fixture(scope="module")
def port(sqlite_maker: SqliteMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a server that is up; nothing that is asked of it here changes anything."""
    with sqlite_maker.new() as database:
        # It believes the ids of these tests, by which an answer is known.
        settings = make_settings(
            database,
            tmp_path_factory.mktemp("data"),
            trusted_proxies=(ip_network("127.0.0.0/8"),),
        )
        with served(create_app(settings, database)) as address:
            yield int(address.rpartition(":")[2])


def fetched(port: int, path: str, *, method: str = "GET", headers: str = "") -> bytes:
    """Give the answer to one request, whose path is sent as it is."""
    head = f"{method} {path} HTTP/1.1\r\nHost: shop.example.com\r\n{headers}"
    return said(port, f"{head}Connection: close\r\n\r\n".encode())


def statuses(answers: bytes) -> list[int]:
    """List the statuses of all answers on a connection."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answers)]


def test_two_requests_on_one_connection_have_two_answers(port: int) -> None:
    """What hides in the others would be heard here."""
    answers = said(port, HIDDEN + LAST)

    assert statuses(answers) == [200, 200]
    assert answers.count(b"X-Request-Id: hidden-one") == 1


@pytest.mark.parametrize("start", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_a_message_without_a_clear_end_is_refused_and_nothing_behind_it_is_heard(
    port: int, start: bytes
) -> None:
    answers = said(port, start + HIDDEN + LAST)

    assert statuses(answers) in ([400], [501])
    assert b"hidden-one" not in answers


def test_of_an_encoding_and_a_length_the_length_is_ignored(port: int) -> None:
    head = HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    body = b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n"

    answers = said(port, head + body + LAST)

    # By the length the body would end after four bytes, and the hidden request would be the next.
    assert statuses(answers) == [422, 200]
    assert b"hidden-one" not in answers


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "DEBUG"])
def test_no_method_gives_back_what_was_sent(port: int, method: str) -> None:
    headers = "Cookie: regulars=s3cret\r\nAuthorization: Bearer s3cret\r\n"
    found = {path: fetched(port, path, method=method, headers=headers) for path in OF_ALL_KINDS}

    assert {path: statuses(answers) for path, answers in found.items()} == {
        **{path: [405] for path in OF_ALL_KINDS},
        "/nothing-here": [404],
        # A program shows its key before anything else.
        "/v1/loyalty/programs": [401],
    }
    assert [path for path, answers in found.items() if b"s3cret" in answers] == []


def test_no_route_takes_trace(app: Flask) -> None:
    rules = list(app.url_map.iter_rules())

    assert len(rules) > 100
    assert [rule.rule for rule in rules if {"TRACE", "TRACK"} & (rule.methods or set())] == []


@pytest.mark.parametrize("path", OUTSIDE)
def test_no_path_leads_out_of_the_folder_of_static_files(port: int, path: str) -> None:
    answers = fetched(port, path)

    assert statuses(answers) in ([404], [308]), answers[:200]
    for of_the_repository in (b"[project]", b"[core]", b"gitdir:", b"dataclass", b"{% block"):
        assert of_the_repository not in answers


def test_a_static_file_is_given(port: int) -> None:
    """What is refused to the others is not the folder itself."""
    answers = fetched(port, "/static/app.css")

    assert statuses(answers) == [200]
    assert answers.endswith((ROOT / "static" / "app.css").read_bytes())


def test_no_folder_is_listed(port: int) -> None:
    static = ROOT / "static"
    folders = [Path(path) for path, _, _ in os.walk(static, followlinks=True)]
    found = {
        f"/{folder.relative_to(ROOT).as_posix()}{end}": folder
        for folder in folders
        for end in ("", "/", "/.", "/index.html")
    }

    for path, folder in found.items():
        answers = fetched(port, path)
        assert statuses(answers) == [404], path
        _, _, body = answers.partition(b"\r\n\r\n")
        # Every page names these; a list would name the others, too.
        named = {each.name for each in folder.iterdir()} - OF_EVERY_PAGE
        assert [name for name in named if name.encode() in body] == [], path
