"""Bad input on the dashboard: a clear error, nothing lost, the ledger whole (the issue's list)."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.db.database import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.settings import make_settings
from tests.support.tampering import run_sql


@pytest.mark.parametrize(
    "points",
    [
        "0",
        "-5",
        "4.5",
        "1,5",
        "1 5",
        "1e3",
        "many",
        "",
        "9" * 400,
        "99999999999",
        "٣",
        "10 000 001",
    ],
)
def test_points_that_are_none_are_refused_and_kept_in_the_form(
    cast: Cast, manager: Visitor, points: str
) -> None:
    member = factories.enrol(cast)

    page = manager.send(f"/members/{member.id}/award", points=points, reason="Purchase")

    assert page.status in {400, 422}
    assert page.value("points") == points
    assert page.value("reason") == "Purchase"
    assert "Not saved yet." in page.text
    assert factories.reload(cast, member).entry_count == 0


@pytest.mark.parametrize("points", ["1,500", "1 500", " 1500 ", "+1500"])
def test_points_are_read_as_people_type_them(cast: Cast, manager: Visitor, points: str) -> None:
    member = factories.enrol(cast)

    assert manager.send(f"/members/{member.id}/award", points=points, reason="x").status == 303
    assert factories.reload(cast, member).balance == 1500


@pytest.mark.parametrize("reason", ["", "   ", "x" * 10_000])
def test_a_reason_is_needed_and_bounded(cast: Cast, manager: Visitor, reason: str) -> None:
    member = factories.enrol(cast)

    page = manager.send(f"/members/{member.id}/award", points="10", reason=reason)

    assert page.status in {400, 422}
    assert page.value("points") == "10"
    assert factories.reload(cast, member).entry_count == 0


@pytest.mark.parametrize(
    "name", ["🦊🦊", "نغوزي أوكافور", "\u202eevil", "<script>alert(1)</script>", "O’Brien & Söhne"]
)
def test_any_name_is_a_name(cast: Cast, manager: Visitor, name: str) -> None:
    answer = manager.send("/members/new", name=name)

    page = manager.get(answer.location)
    assert page.status == 200
    assert name in page.text


def test_html_in_a_name_stays_text(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast, "<b>Bold</b>")

    text = manager.get(f"/members/{member.id}").response.get_data(as_text=True)

    assert "<b>Bold</b>" not in text
    assert "&lt;b&gt;Bold" in text


def test_a_member_needs_something_to_be_found_by(manager: Visitor) -> None:
    assert manager.send("/members/new").status == 422


def test_a_near_duplicate_is_shown_before_it_is_made(cast: Cast, manager: Visitor) -> None:
    factories.enrol(cast, "Ngozi Okafor", phone="+353 87 123 4471")

    warned = manager.send("/members/new", name="N. Okafor", phone="087 1234471")
    assert warned.status == 422
    assert "Ngozi Okafor" in warned.text
    again = manager.post("/members/new", warned.fields("/members/new"))
    assert again.status == 303


@pytest.mark.parametrize(
    "path", ["/members/loy_unknown", "/ledger/ptx_unknown", "/rewards/rwd_x/edit", "/nowhere"]
)
def test_an_unknown_id_is_not_found(owner: Visitor, path: str) -> None:
    page = owner.get(path)

    assert page.status == 404
    assert "Request req_" in page.text


def test_another_workspaces_member_is_not_found(cast: Cast, owner: Visitor) -> None:
    member = factories.enrol(cast)
    owner.go_live()

    assert owner.get(f"/members/{member.id}").status == 404
    assert owner.get(f"/members/{member.id}/award").status == 404


def test_a_form_of_the_other_mode_is_refused(cast: Cast, owner: Visitor) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = owner.get(path).fields(path)
    owner.go_live()
    owner.post("/mode", {**owner.get("/you").fields("/mode"), "mode": "sandbox"})
    live_form = {**fields, "workspace": cast.live_workspace_id, "points": "5", "reason": "x"}

    page = owner.post(path, live_form)

    assert page.status == 422
    assert "switched between Live and Test" in page.text
    assert factories.reload(cast, member).balance == 0


def test_a_double_click_and_back_award_once(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = {**manager.get(path).fields(path), "points": "50", "reason": "Purchase"}

    answers = [manager.post(path, fields) for _ in range(3)]

    assert [answer.status for answer in answers] == [303, 303, 303]
    assert factories.reload(cast, member).balance == 50
    assert "counted once" in manager.get(f"/members/{member.id}").text


def test_a_form_sent_before_an_upgrade_and_again_after_it_awards_once(
    cast: Cast, manager: Visitor
) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = {**manager.get(path).fields(path), "points": "50", "reason": "Purchase"}
    manager.post(path, fields)
    # Migration 0022 leaves such fingerprints of the forms that were sent before it.
    run_sql(cast.database, "UPDATE idempotency_keys SET fingerprint = '' WHERE scope = 'form'")

    assert manager.post(path, fields).status == 303
    assert factories.reload(cast, member).balance == 50


def test_back_and_another_number_is_a_conflict_and_then_a_fresh_form(
    cast: Cast, manager: Visitor
) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = {**manager.get(path).fields(path), "points": "50", "reason": "Purchase"}
    manager.post(path, fields)

    page = manager.post(path, {**fields, "points": "60"})
    assert page.status == 409
    assert page.value("points") == "60"
    assert page.value("once") != fields["once"]
    assert factories.reload(cast, member).balance == 50
    assert manager.post(path, page.fields(path)).status == 303
    assert factories.reload(cast, member).balance == 110


def test_a_form_without_its_token_does_nothing(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = {**manager.get(path).fields(path), "points": "50", "reason": "x"}

    page = manager.post(path, {**fields, "csrf_token": "forged"})

    assert page.status == 422
    assert factories.reload(cast, member).balance == 0


def test_a_reward_that_changed_meanwhile_is_not_sold_at_the_old_price(
    cast: Cast, manager: Visitor
) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 1000)
    reward = factories.make_reward(cast, points_cost=450)
    path = f"/members/{member.id}/redeem"
    fields = {**manager.get(path).fields(path), "offer": f"{reward.id} 450"}
    manager.send(f"/rewards/{reward.id}/edit", points_cost="500")

    page = manager.post(path, fields)

    assert page.status == 422
    assert "now costs 500 points" in page.text
    assert factories.reload(cast, member).balance == 1000


def test_an_archived_and_a_sold_out_reward_say_so(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    factories.award(cast, member, 2000)
    gone = factories.make_reward(cast, "Old treat")
    last = factories.make_reward(cast, "Last piece", stock=1)
    path = f"/members/{member.id}/redeem"
    fields = manager.get(path).fields(path)
    manager.press("/rewards", f"/rewards/{gone.id}/archive")
    other = factories.enrol(cast, "Kwame Mensah")
    factories.award(cast, other, 500)
    factories.redeem(cast, other, last)

    archived = manager.post(path, {**fields, "offer": f"{gone.id} 450"})
    sold_out = manager.post(path, {**fields, "offer": f"{last.id} 450"})

    assert "no longer offered" in archived.text
    assert "None left of “Last piece”" in sold_out.text
    assert factories.reload(cast, member).balance == 2000


def test_what_was_typed_survives_a_sign_in_that_had_ended(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    path = f"/members/{member.id}/award"
    fields = {**manager.get(path).fields(path), "points": "50", "reason": "Purchase"}
    factories.end_sessions(cast)

    answer = manager.post(path, fields)
    assert answer.status == 302
    sign_in_page = manager.get(answer.location)
    signed_in = manager.post(
        "/sign-in",
        {
            **sign_in_page.fields("/sign-in"),
            "email": "manager@harbour.example.com",
            "password": factories.PASSWORD,
        },
    )
    page = manager.get(signed_in.location)

    assert signed_in.location == path
    assert (page.value("points"), page.value("reason")) == ("50", "Purchase")
    assert "Not sent yet." in page.text
    assert manager.post(path, page.fields(path)).status == 303
    assert factories.reload(cast, member).balance == 50


def test_a_nul_is_no_error_of_postgresql(postgres: Database, tmp_path: Path) -> None:
    cast = factories.make_cast(postgres)
    member, reward = factories.enrol(cast, "Ngozi"), factories.make_reward(cast)
    app = create_app(make_settings(postgres, tmp_path), postgres)
    owner = Visitor(app).sign_in("owner")

    for path in (
        *("/members/%00", "/ledger/%00", "/rewards/%00/edit", "/programs/%00/edit", "/card/%00"),
        *("/counter?member=%00", "/join/%00"),
    ):
        assert owner.get(path).status == 404, path
    for query in ("after", "tier", "status", "program", "q", "kind", "act", "who", "member"):
        for path in ("/members", "/redemptions", "/audit", f"/members/{member.id}", "/counter"):
            assert owner.get(f"{path}?{query}=a%00").status in {200, 303, 404}, (path, query)
    for path in ("/members/new", f"/rewards/{reward.id}/edit", f"/members/{member.id}/award"):
        form = owner.get(path).fields(path)
        for name in set(form) - {"csrf_token", "workspace"}:
            answer = owner.post(path, {**form, name: "a\0b"})
            assert answer.status < 500, (path, name)
    assert app.test_client().post("/v1/inbound/payments/%00").status_code == 404


def test_a_part_that_is_typed_is_not_taken_for_all(cast: Cast, manager: Visitor) -> None:
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 200)
    path = f"/ledger/{entry.id}/reverse"

    asked = manager.send(path, how="all", points="40")
    done = manager.send(path, how="part", points="40")

    assert asked.status == 422
    assert "Choose “A part” for this" in asked.text
    assert done.status == 303
    assert factories.reload(cast, member).balance == 160
    shown = manager.get(f"/ledger/{entry.id}/effect?how=part&points=1,0")
    assert 'data-points="160 points"' in shown.response.get_data(as_text=True)
    shown = manager.get(f"/ledger/{entry.id}/effect?how=part&points=30")
    assert 'data-points="30 points"' in shown.response.get_data(as_text=True)
