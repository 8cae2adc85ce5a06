"""The audit log: filtered, exported without formulas, and only growing."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import clock
from app.db import Database
from app.rules.actors import SYSTEM
from app.services import locations, merchants
from app.services.staff import people
from app.web.audit.words import WORDS
from tests import factories
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.pages import Visitor


def rows(visitor: Visitor, path: str = "/audit") -> int:
    page = visitor.get(path)
    return len([row for row in page.elements("tr") if "data-row" in row.attrib])


def exported(visitor: Visitor, query: str = "") -> list[dict[str, str]]:
    answer = visitor.client.get(f"/audit/export{query}")
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def test_acts_are_listed_with_who_where_before_and_after(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 250)

    page = manager.get("/audit?act=ledger.award")

    assert "Manager Person" in page.text
    assert "Quay Street" in page.text
    assert "balance: 0" in page.text
    assert "balance: 250" in page.text


def test_sign_ins_and_failed_ones_are_there_from_either_workspace(
    cast: Cast, manager: Visitor, visitor: Visitor
) -> None:
    fields = visitor.get("/sign-in").fields()
    visitor.post(
        "/sign-in", {**fields, "email": "cashier@harbour.example.com", "password": "wrong one"}
    )

    assert rows(manager, "/audit?act=staff.sign_in_failed") == 1
    assert rows(manager, f"/audit?act=staff.sign_in&who={cast.manager.id}") == 1


def test_what_staff_and_keys_were_refused_is_there(
    cast: Cast, app: Flask, manager: Visitor, cashier: Visitor
) -> None:
    member = factories.enrol(cast)
    reads_only = Program(app, make_secret(cast, scopes=["points:read"]))

    cashier.get(f"/members/{member.id}/adjust")
    cashier.get(f"/members/{'x' * 300}/adjust")
    cashier.send(f"/members/{member.id}/award", points="1001", reason="x")
    award = reads_only.post(
        "/loyalty/points/award", {"accountId": member.id, "points": 1, "reason": "x"}
    )

    assert award.status == 403
    found = exported(manager, "?act=access.refused")
    assert len(found) == 4
    assert {row["kind"] for row in found[1:]} == {"staff"}
    assert "api_points.award_points" in found[0]["after"]
    assert rows(manager, f"/audit?act=access.refused&member={member.id}") == 2


def test_the_log_is_narrowed_by_person_act_member_and_time(cast: Cast, manager: Visitor) -> None:
    one, other = factories.enrol(cast), factories.enrol(cast)
    factories.award(cast, one, 5)
    factories.award(cast, other, 5, by=cast.cashier)

    assert rows(manager, f"/audit?who={cast.cashier.id}") == 1
    assert rows(manager, f"/audit?member={one.id}") == 2
    assert rows(manager, "/audit?act=ledger.award") == 2
    assert rows(manager, "/audit?since=2999-01-01") == 0
    assert rows(manager, "/audit?until=1999-01-01") == 0
    assert rows(manager, "/audit?since=nonsense&act=members.enrol") == 2


def test_a_page_goes_on_where_the_last_one_ended(cast: Cast, manager: Visitor) -> None:
    for _ in range(30):
        factories.enrol(cast)

    first = manager.get("/audit?act=members.enrol")
    (more,) = [link for link in first.links() if "after=" in link]

    assert rows(manager, "/audit?act=members.enrol") == 25
    assert rows(manager, more) == 5


def test_the_export_has_all_and_calculates_nothing(cast: Cast, manager: Visitor) -> None:
    with cast.database.writing() as session:
        locations.add(
            session, workspace_id=cast.workspace_id, name="=HYPERLINK(1)", by=cast.manager
        )
    for _ in range(30):
        factories.enrol(cast)

    found = exported(manager)
    narrowed = exported(manager, "?act=members.enrol")

    assert len(narrowed) == 30
    assert {row["act"] for row in narrowed} == {"members.enrol"}
    cells = [cell for row in found for cell in row.values()]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert any("=HYPERLINK(1)" in cell for cell in cells)


def test_nothing_of_another_merchant_is_there(cast: Cast, manager: Visitor) -> None:
    with cast.database.writing() as session:
        other = merchants.create(session, name="Another shop")
        person = people.create(
            session,
            merchant_id=other.id,
            email="x@other.example.com",
            name="X",
            role="owner",
            password=factories.PASSWORD,
            by=SYSTEM,
        )

    assert person.id not in manager.get("/audit").text
    assert all(row["subject"] != person.id for row in exported(manager))


def test_a_download_is_named_by_us_alone(manager: Visitor) -> None:
    with clock.set_to(datetime(2031, 3, 9, 23, 30, tzinfo=UTC)):
        manager.sign_in("manager")
        for asked in (
            "",
            "?filename=evil.html&name=evil.html",
            "?act=evil.html%0d%0aX-Evil:%201&who=%22%3bevil.html&member=../evil.html",
            "?since=evil.html&until=2031-03-09%22%3b%20filename=evil.html",
        ):
            answer = manager.client.get(f"/audit/export{asked}")
            answer.close()
            told = answer.headers.getlist("Content-Disposition")
            assert told == ['attachment; filename="audit-2031-03-09.csv"'], asked
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "X-Evil" not in answer.headers


def test_no_way_of_asking_names_the_download(manager: Visitor) -> None:
    for path in ("/audit/export/evil.html", "/audit/export;evil.html", "/audit/export/"):
        assert manager.client.get(path).status_code == 404, path


def test_a_cashier_has_no_audit_log(cashier: Visitor) -> None:
    assert cashier.get("/audit").status == 403
    assert cashier.get("/audit/export").status == 403


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET act = 'nothing'",
        "DELETE FROM audit_entries",
        "UPDATE audit_entries SET recorded_at = recorded_at",
    ],
)
def test_an_entry_is_never_changed(database: Database, statement: str) -> None:
    factories.make_cast(database)

    with pytest.raises(DBAPIError, match="append-only"), database.writing() as session:
        session.execute(text(statement))


def test_nothing_takes_an_entrys_place(sqlite: Database) -> None:
    factories.make_cast(sqlite)

    replace = "INSERT OR REPLACE INTO audit_entries SELECT * FROM audit_entries LIMIT 1"
    with pytest.raises(DBAPIError, match="append-only"), sqlite.writing() as session:
        session.execute(text(replace))


def test_nothing_empties_the_log(postgres: Database) -> None:
    factories.make_cast(postgres)

    with pytest.raises(DBAPIError, match="append-only"), postgres.writing() as session:
        session.execute(text("TRUNCATE audit_entries"))


def test_every_act_that_is_kept_has_words() -> None:
    kinds = "|".join({each.partition(".")[0] for each in WORDS})
    kept = re.compile(rf'"((?:{kinds})[.][a-z_]+)"')
    folder = Path(__file__).resolve().parents[2] / "app"
    found = {
        act
        for path in (*folder.glob("services/**/*.py"), folder / "http" / "refusals.py")
        for act in kept.findall(path.read_text("utf-8"))
    }

    # Two are names of pages.
    assert found - {"staff.profile", "staff.sign_in_form"} <= set(WORDS)
    assert set(WORDS) <= found | {"staff.change_role"}
