"""docs/security.md says what the code does: its tables, its limits, its ways in, its counts."""

from __future__ import annotations

import ast
import json
import math
import re
import runpy
from pathlib import Path
from typing import Any

import click
import pyotp
import pytest
from flask import Flask
from sqlalchemy import select

from app import config
from app.api import parsing
from app.api import payments as payments_api
from app.cli.serve import BODY_BYTES_MAX, serve
from app.db.base import Base
from app.db.database import Database
from app.factory import REQUEST_BYTES_MAX, create_app
from app.http import access
from app.models.staff import Staff
from app.rules import actors, api_keys, inputs, passwords, payments, pins, retrying
from app.rules.actors import PERMISSIONS, STAFF_ROLES, Permission
from app.services import devices
from app.services.api_keys import request_log
from app.services.api_keys.keys import OVERLAP_HOURS
from app.services.payments import sources as payment_sources
from app.services.staff import allowances, passkeys, people, second_factors, sign_ins, throttles
from app.services.staff import pins as pin_service
from app.services.webhooks import deliveries as webhook_deliveries
from app.services.webhooks import endpoints
from app.worker import posting
from scripts import asvs
from tests import factories
from tests.support.api import Program, make_secret
from tests.support.settings import make_settings
from tests.support.webhooks import dispatch

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")

WORDS = {3: "three", 5: "five", 10: "ten", 12: "twelve"}
"""Numbers that the page writes as words."""

KIB = 1024
MIB = 1024 * KIB


def section(heading: str) -> str:
    """Give what stands under a heading, until the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found.group(1)


def table(heading: str) -> list[list[str]]:
    """Give the cells of the table under a heading, without its head."""
    rows = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def row_of(heading: str, start: str) -> str:
    """Give the one row of a table whose first cell starts so."""
    (found,) = [row for row in table(heading) if row[0].startswith(start)]
    return " | ".join(found)


def prose(heading: str) -> str:
    """Give a section without its table, its lines joined."""
    lines = [line for line in section(heading).splitlines() if not line.startswith("|")]
    return re.sub(r"\s+", " ", " ".join(lines))


def tables_in(text: str) -> set[str]:
    """Give the names of tables of the database that stand in a text."""
    return {name for name in re.findall(r"`(\w+)`", text) if name in Base.metadata.tables}


@pytest.fixture
def app(sqlite: Database, tmp_path: Path) -> Flask:
    """Give the app on an empty database."""
    return create_app(make_settings(sqlite, tmp_path), sqlite)


# --- The requirements ---------------------------------------------------------------------------


CHAPTERS = asvs.read()
REQUIREMENTS = [each for chapter in CHAPTERS for each in chapter.get("requirements", [])]


def test_the_page_is_what_the_script_writes() -> None:
    assert asvs.rendered(PAGE, CHAPTERS) == PAGE, "run .venv/bin/python -m scripts.asvs"


def test_each_requirement_stands_once_and_in_its_order() -> None:
    numbers = [each["id"] for each in REQUIREMENTS]
    left_out = [
        number
        for chapter in CHAPTERS
        for part in chapter.get("left_out", [])
        for number in part["ids"]
    ]

    assert len({*numbers, *left_out}) == len(numbers) + len(left_out)
    assert numbers == sorted(numbers, key=lambda each: [int(part) for part in each.split(".")])


def test_each_requirement_has_tests_or_says_why_not() -> None:
    assert [each["id"] for each in REQUIREMENTS if asvs.kind_of(each) == "untested"] == []
    for each in REQUIREMENTS:
        assert ("missing" in each) == ("why" in each) == ("**not met:**" in each["how"]), each["id"]
        assert each["level"] in {1, 2}


# --- What is protected, and what is written down ------------------------------------------------

PROTECTED = "What is protected, and from whom"
WRITTEN = "What is written down"

HASHED = re.compile(r"(?:^|_)(?:password|pin|token|secret|code)_hash$")
KEPT = re.compile(r"(?:^|_)(?:secret|token)$")
PERSON = {
    "name": "Zebulon Quixotry",
    "email": "zebulon.quixotry@example.com",
    "phone": "+353 87 123 9876",
}
MARKS = ("zebulon", "quixotry", "871239876", "zq-778899", "wedding in june")


def test_tables_that_keep_hashes_of_secrets_are_named() -> None:
    assert tables_in(row_of(PROTECTED, "**Secrets that only we check**")) == tables_with(HASHED)


def test_tables_that_keep_secrets_as_they_are_are_named() -> None:
    assert tables_in(row_of(PROTECTED, "**Secrets that sign**")) == tables_with(KEPT)


def tables_with(pattern: re.Pattern[str]) -> set[str]:
    return {
        table.name
        for table in Base.metadata.tables.values()
        if any(pattern.search(column.name) for column in table.columns)
    }


def test_tables_that_hold_a_members_person_are_named(sqlite: Database, app: Flask) -> None:
    cast = factories.make_cast(sqlite)
    factories.make_endpoint(cast)
    api = Program(app, make_secret(cast))
    assert api.post("/customers", {**PERSON, "id": "cus_1"}, key="k").status == 201
    member = factories.enrol(cast, **PERSON, card_number="ZQ-778899")
    factories.award(cast, member, 10, reason="Wedding in June")
    dispatch(cast)
    api.logged()

    rows = contents(sqlite)
    found = {name for name, text in rows.items() if any(mark in text for mark in MARKS)}
    assert found == tables_in(row_of(PROTECTED, "**Personal data** of members"))


def test_tables_that_hold_a_colleagues_person_are_named(sqlite: Database, app: Flask) -> None:
    cast = factories.make_cast(sqlite)
    factories.invite(cast, "zebulon@example.com", "Zebulon Quixotry")
    client = app.test_client()
    fields = {"email": "owner@harbour.example.com", "password": factories.PASSWORD}
    page = client.get("/sign-in").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    headers = {"User-Agent": "Zebulon's browser"}
    done = client.post("/sign-in", data={**fields, "csrf_token": token[1]}, headers=headers)
    assert done.status_code == 303

    found = {
        name
        for name, text in contents(sqlite).items()
        if "zebulon" in text or "@harbour.example.com" in text
    }
    assert found == tables_in(row_of(PROTECTED, "Personal data of staff"))


def contents(database: Database) -> dict[str, str]:
    """Give what each table holds, as one text in small letters."""
    with database.reading() as session:
        return {
            name: repr(session.execute(select(each)).all()).lower()
            for name, each in Base.metadata.tables.items()
        }


def test_every_log_and_how_long_it_is_kept_is_written_down() -> None:
    assert {name for row in table(WRITTEN) for name in tables_in(row[3])} == {
        "audit_entries",
        "api_requests",
        "webhook_deliveries",
        "webhook_attempts",
        "inbound_events",
    }
    assert row_of(WRITTEN, "API's log").endswith(f"| {request_log.KEPT_DAYS} days")
    deliveries = row_of(WRITTEN, "webhooks'")
    assert deliveries.endswith(f"| {webhook_deliveries.KEPT_DAYS} days after the end")
    assert "the first 500 characters of an answer" in deliveries
    assert "standard output" in row_of(WRITTEN, "the process's")
    for row in table(WRITTEN):
        assert all(row), row
        assert len(row) == 6, row


# --- Ways in, roles, limits ---------------------------------------------------------------------


def test_every_public_route_is_a_way_in_or_said_to_be_none(app: Flask) -> None:
    ways = [found for row in table("Ways in") for found in re.findall(r"^`(/[^`]*)`", row[0])]
    said = re.search(r"and no way in: (.*?)\. ", prose("Ways in"))
    assert said
    others = re.findall(r"`(/[^`]*)`", said[1])
    needed = access.routes(app)
    public = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/") or needed[rule.endpoint].permission is None
    }

    def covers(way: str, rule: str) -> bool:
        start = way.removesuffix("/…")
        # A passkey's challenge is fetched beside the way that it is answered at.
        is_it = rule in {start, f"{start}/options"}
        return is_it or (way.endswith("/…") and rule.startswith(f"{start}/"))

    named = [*ways, *others]
    assert [rule for rule in public if not any(covers(way, rule) for way in named)] == []
    # The code is asked for after the password, and its route needs half a sign-in.
    rules = public | {"/sign-in/code"}
    assert [way for way in named if not any(covers(way, rule) for rule in rules)] == []


def test_what_slows_guessing_down_at_each_way_is_what_does() -> None:
    minutes = throttles.WINDOW_MINUTES
    bits = math.floor(api_keys.SECRET_CHARACTERS * math.log2(62))
    for start, words in {
        "`/sign-in`": f"in {minutes} minutes {sign_ins.FAILURES_PER_ACCOUNT} failures of an "
        f"account, {sign_ins.FAILURES_PER_ADDRESS} from a network address",
        "`/sign-in/code`": f"{second_factors.FAILURES_MAX} failures of a person in {minutes} "
        "minutes",
        "`/sign-in/passkey`": f"challenge of {passkeys.CHALLENGE_SECONDS // 60} minutes",
        "`/till/…`": f"{pin_service.FAILURES_PER_PERSON} failures of a person, "
        f"{pin_service.FAILURES_PER_DEVICE} of a till in {minutes} minutes",
        "`/join/…`": f"{people.INVITE_HOURS} hours, once",
        "`/v1/…`": f"{bits} random bits",
        "`/v1/inbound/payments/…`": f"{WORDS[payments.TOLERANCE_SECONDS // 60]} minutes",
    }.items():
        assert words in row_of("Ways in", start), start
    till = f"for 1 to {devices.IDLE_MINUTES_MAX} minutes, {devices.IDLE_MINUTES} to begin with"
    assert till in row_of("Ways in", "`/till/…`")
    said = prose("Ways in")
    assert f"Throttles forget after {minutes} minutes" in said
    assert f"stops an account's password for {minutes} minutes at a time" in said


ADDS = {
    "viewer": {Permission.READ: "read members"},
    "cashier": {
        Permission.ENROL: "enrol",
        Permission.AWARD: "award",
        Permission.REDEEM: "redeem",
        Permission.FULFIL: "hand over",
        Permission.UNDO_OWN: f"undo own acts for {WORDS[actors.UNDO_MINUTES]} minutes",
    },
    "manager": {
        Permission.ADJUST: "correct",
        Permission.UNDO_ANY: "undo anybody's",
        Permission.CANCEL_FULFILLED: "cancel what was handed over",
        Permission.EDIT_MEMBERS: "change members",
        Permission.EDIT_REWARDS: "rewards",
        Permission.EDIT_PROGRAMS: "rules",
        Permission.MANAGE_WEBHOOKS: "webhooks",
        Permission.MANAGE_LOCATIONS: "shops and tills",
    },
    "owner": {Permission.MANAGE_STAFF: "staff", Permission.MANAGE_KEYS: "API keys"},
}
"""How the page calls what each role may beyond the one before it."""

NEVER_BY_KEY = {
    Permission.ADJUST: "correct",
    Permission.CANCEL_FULFILLED: "cancel what was handed over",
    Permission.MANAGE_STAFF: "staff",
    Permission.MANAGE_KEYS: "keys",
    Permission.MANAGE_LOCATIONS: "shops or tills",
}


def test_each_role_is_said_to_do_what_it_may() -> None:
    assert [row[0] for row in table("Roles")] == [*reversed(STAFF_ROLES), "API key"]
    before: frozenset[Permission] = frozenset()
    for role, words in ADDS.items():
        assert PERMISSIONS[role] == before | words.keys(), role
        for word in words.values():
            assert word in row_of("Roles", role), (role, word)
        before = PERMISSIONS[role]
    assert PERMISSIONS["owner"] - PERMISSIONS["key"] == NEVER_BY_KEY.keys()
    _, _, never = row_of("Roles", "API key").partition("never")
    assert all(word in never for word in NEVER_BY_KEY.values())


def test_who_sees_which_field_is_who_may(app: Flask) -> None:
    said, routes = prose("Roles"), access.routes(app)

    for words, permission, role in (
        ("the whole phone stands in the form that managers edit", "members.edit", "manager"),
        ("Emails of staff are for owners", "people.index", "owner"),
    ):
        assert words in said
        needed = routes[permission].permission
        may = [each for each in STAFF_ROLES if needed in PERMISSIONS[each]]
        assert may == list(STAFF_ROLES[: STAFF_ROLES.index(role) + 1])
    assert "`customers:read`" in said
    assert "customers:read" in api_keys.SCOPES


def test_the_limits_are_those_of_the_code() -> None:
    said = prose("Limits")
    cashier = allowances.CASHIER_LIMITS

    for words in (
        f"at most {inputs.AWARD_POINTS_MAX:,} points",
        f"give {cashier.per_award_points:,} at once and {cashier.per_shift_points:,} in a shift "
        f"of {WORDS[allowances.SHIFT_HOURS]} hours",
        f"{endpoints.ENDPOINTS_MAX} webhook endpoints",
        f"{payment_sources.SOURCES_MAX} sources of payments",
        f"{passkeys.PASSKEYS_MAX} passkeys for a person",
        f"at most {REQUEST_BYTES_MAX // KIB} KiB, batches and payments "
        f"{payments_api.BODY_BYTES_MAX // MIB} MiB",
        f"none of more than {BODY_BYTES_MAX // MIB} MiB",
    ):
        assert words in said, words
        said = said.replace(words, "")
    assert set(parsing.LARGE_BODY_BYTES.values()) == {payments_api.BODY_BYTES_MAX}
    # Whatever else is a number here would be held to nothing.
    assert re.findall(r"\d+", said) == []
    assert (passwords.CHARACTERS_MIN, passwords.CHARACTERS_MAX) == (12, 128)
    assert "12 to 128 (`app/rules/passwords.py`)" in PAGE
    assert pins.DIGITS == 6


# --- Keys, algorithms and connections -----------------------------------------------------------

KEYS = "Keys and algorithms"
COSE = {-7: "ES256", -8: "EdDSA", -257: "RS256"}


def test_keys_are_as_long_and_are_made_and_changed_as_is_said() -> None:
    hasher = runpy.run_path(str(ROOT / "app" / "services" / "staff" / "passwords.py"))["_HASHER"]
    *others, last = OVERLAP_HOURS
    overlaps = f"{', '.join(str(hours) for hours in others)} or {last} hours"
    recovery = 2 * 6 * 5
    for start, words in {
        "secret key": f"{config.SECRET_KEY_CHARACTERS_MIN} characters or more",
        "API keys": f"{api_keys.SECRET_CHARACTERS} characters of 62: "
        f"{math.floor(api_keys.SECRET_CHARACTERS * math.log2(62))} bits",
        "passwords, PINs": f"argon2id, {hasher.memory_cost // KIB} MiB, {hasher.time_cost} passes, "
        f"{hasher.parallelism} lane",
        "secrets of apps": f"{len(pyotp.random_base32()) * 5} random bits",
        "recovery codes": f"{WORDS[second_factors.RECOVERY_CODES]} of {recovery} random bits",
        "secrets of webhooks": f"{endpoints.SECRET_BYTES} random bytes",
    }.items():
        assert words in row_of(KEYS, start), start
    assert f"overlap of {overlaps}" in row_of(KEYS, "API keys")
    steps = row_of(KEYS, "secrets of apps")
    assert f"{second_factors.STEP_SECONDS} seconds a step" in steps
    for row in table(KEYS):
        assert all(row), row
        assert len(row) == 5, row


def test_passkeys_sign_by_what_is_said(sqlite: Database) -> None:
    cast = factories.make_cast(sqlite)
    site = passkeys.Site(host="localhost", origin="http://localhost", key="a key")
    with sqlite.reading() as session:
        person = session.get_one(Staff, cast.owner.id)
        options: dict[str, Any] = json.loads(
            passkeys.add_options(session, person=person, site=site)
        )

    names = {COSE[each["alg"]] for each in options["pubKeyCredParams"]}
    (row,) = [row for row in table(KEYS) if row[0] == "passkeys"]
    assert names == {name for name in COSE.values() if name in row[3]}


CONNECTS = {"socket", "ssl", "http.client", "urllib.request", "httpx", "requests", "smtplib"} | {
    "ftplib",
    "imaplib",
    "poplib",
    "telnetlib",
    "xmlrpc.client",
    "asyncio",
    "dns",
    "subprocess",
}


def test_every_connection_is_one_of_those_that_are_said() -> None:
    said = prose("Connections")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*.py")
        if CONNECTS & set(imports(path))
    }

    # Webhooks with the name server, and the programs of PostgreSQL; `serve` only lets others in.
    assert found == {"app/worker/posting.py", "app/cli/backup.py", "app/cli/serve.py"}
    assert "connect(" not in (ROOT / "app" / "cli" / "serve.py").read_text("utf-8")
    backup = (ROOT / "app" / "cli" / "backup.py").read_text("utf-8")
    programs = set(re.findall(r'"(pg_[a-z]+)"', backup))
    assert programs == {"pg_dump", "pg_restore"}
    options = {each.name: each.default for each in serve.params if isinstance(each, click.Option)}
    waited_days = sum(retrying.WAITS_SECONDS) / 86_400
    assert 1.4 < waited_days < 1.6
    for words in (
        *(f"`{program}`" for program in programs),
        f"`{options['host']}:{options['port']}`",
        f"each cut off after {posting.DEADLINE_SECONDS:g} seconds",
        "over a day and a half",
        "`DATABASE_URL`",
        "the name server",
    ):
        assert words in said, words


def imports(path: Path) -> list[str]:
    """List the modules that a file imports."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
    return found


def test_libraries_and_what_is_costly_are_written_down() -> None:
    (hashing,) = [row for row in table("What is costly") if "argon2id" in row[0]]
    source = runpy.run_path(str(ROOT / "app" / "services" / "staff" / "passwords.py"))
    assert f"{source['_HASHER'].memory_cost // KIB} MiB" in hashing[0]
    assert {"`ledger verify`", "`backup`"} <= set(
        re.findall(r"`[^`]+`", row_of("What is costly", "`ledger verify`"))
    )
    days = re.findall(r"(\d+) days", " ".join(section("Libraries").split()))
    assert [int(each) for each in days] == sorted(int(each) for each in days)
    assert len(days) == 3


def test_each_key_that_is_kept_has_a_life() -> None:
    lives = " ".join(row[0] for row in table("How keys live"))
    for word in ("secret key", "API keys", "webhooks", "sign-ins", "tills", "invitations", "cards"):
        assert word in lives
    overlap = row_of("How keys live", "secret key")
    assert {"`REGULARS_SECRET_KEY_BEFORE`", "`REGULARS_SESSION_HOURS`"} <= set(
        re.findall(r"`[^`]+`", overlap)
    )
    assert f"{people.INVITE_HOURS} hours" in row_of("How keys live", "tokens of invitations")
