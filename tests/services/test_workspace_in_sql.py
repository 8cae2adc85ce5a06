"""Every statement on a workspace's table names the workspace, in every function of the services."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Iterator
from datetime import timedelta
from types import CodeType
from typing import Any
from unittest import mock

import pyotp
from sqlalchemy.orm import Session

from app import clock, services
from app.config import Rate
from app.ids import new_id
from app.models.registry import WORKSPACE_TABLES
from app.rules import payments as payment_rules
from app.rules.actors import Actor
from app.rules.ledger import Source
from app.services import (
    counter,
    devices,
    idempotency,
    locations,
    merchants,
    outbox,
    paging,
    programs,
    redemptions,
    reports,
    rewards,
    snapshots,
    workspaces,
)
from app.services.api_keys import keys, rate_limits, request_log
from app.services.audit import log
from app.services.idempotency import IdempotencyKey
from app.services.ledger import batches, checks, history, purchases, verify
from app.services.ledger.acts import Award
from app.services.ledger.batches import Wanted
from app.services.members import cards, customers, enrolment
from app.services.members.customers import Person
from app.services.members.search import matches, ranges, words
from app.services.members.search.matches import MemberFilters
from app.services.paging import PageRequest
from app.services.payments import events as payment_events
from app.services.payments import sources
from app.services.staff import allowances, passkeys, people, pins, second_factors, sign_ins
from app.services.staff.passkeys import Site
from app.services.webhooks import deliveries, delivery_log, endpoints, resends
from tests import factories
from tests.cast import Cast
from tests.support.authenticator import Authenticator
from tests.support.payments import completed, refunded
from tests.support.statements import Statement, calls_heard, statements_heard

GOOD = "plum tractor lamp seven"

POSTGRESQL_ONLY = {
    "api_keys.keys.admit",
    *(f"api_keys.rate_limits.{name}" for name in ("take", "taking", "taken")),
}


def test_every_statement_names_the_workspace_and_every_service_was_heard(cast: Cast) -> None:
    with statements_heard(cast.database) as statements, calls_heard() as called:
        exercise(cast)

    faults = [each.sql for each in statements if not _names_the_workspace(cast, each)]
    assert faults == []
    unheard = {name for name, code in _service_functions() if code not in called}
    assert unheard == (POSTGRESQL_ONLY if cast.database.is_sqlite else set())


def test_a_statement_without_the_workspace_would_be_caught(cast: Cast) -> None:
    for sql in (
        "SELECT members.workspace_id FROM members WHERE members.id = ?",
        "UPDATE rewards SET name = ? WHERE rewards.id = ?",
        "SELECT count(*) FROM ledger_entries",
        "INSERT INTO events (id) VALUES (?)",
    ):
        assert not _names_the_workspace(cast, Statement(sql, repr((cast.workspace_id,))))
    other = "SELECT * FROM members WHERE members.workspace_id = ?"
    assert not _names_the_workspace(cast, Statement(other, "('ws_other',)"))
    assert _names_the_workspace(cast, Statement("SELECT * FROM staff", "()"))


def _names_the_workspace(cast: Cast, statement: Statement) -> bool:
    if not WORKSPACE_TABLES & set(re.findall(r"\w+", statement.sql)):
        return True
    # A column that is merely read back narrows nothing.
    is_insert = statement.sql.startswith("INSERT")
    narrowing = statement.sql if is_insert else statement.sql.partition("WHERE")[2]
    known = (cast.workspace_id, cast.live_workspace_id)
    return "workspace_id" in narrowing and any(each in statement.values for each in known)


def _service_functions() -> Iterator[tuple[str, CodeType]]:
    for found in pkgutil.walk_packages(services.__path__, f"{services.__name__}."):
        module = importlib.import_module(found.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{found.name.removeprefix('app.services.')}.{name}", function.__code__


def exercise(cast: Cast) -> None:
    """Call every service, with what makes it read and write all that it can."""
    for part in (
        _exercise_acts,
        _exercise_reads,
        _exercise_staff,
        _exercise_people,
        _exercise_second_factors,
        _exercise_places,
        _exercise_passkeys,
        _exercise_allowances,
        _exercise_records,
        _exercise_webhooks,
        _exercise_payments,
        _exercise_api,
    ):
        part(cast)


def _exercise_acts(cast: Cast) -> None:
    member = factories.enrol(cast, "Ngozi Okafor", email="ngozi@example.com", phone="0871234471")
    source = Source("payment", "p1")
    award = factories.award(cast, member, 900, source=source)
    for _ in range(2):
        factories.award(cast, member, 900, source=source)
    factories.reverse(cast, award, points=100)
    factories.adjust(cast, member, 50)
    reward = factories.make_reward(
        cast, stock=5, per_member_limit=4, counter_key=1, min_tier="bronze"
    )
    factories.fulfil(cast, factories.redeem(cast, member, reward))
    unlimited = factories.make_reward(cast, "Sticker", points_cost=0, counter_key=1)
    factories.cancel(cast, factories.redeem(cast, member, unlimited))
    factories.edit_reward(cast, unlimited, stock=3)
    factories.archive(cast, reward)
    factories.edit_program(cast, tiers=factories.TIERS[:2])
    factories.close(cast, member)
    with cast.database.writing() as session:
        rewards.restore(
            session, workspace_id=cast.workspace_id, reward_id=reward.id, by=cast.manager
        )
        enrolment.reopen(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.manager
        )
        enrolment.edit(
            session,
            workspace_id=cast.workspace_id,
            member_id=member.id,
            changes={"name": "Ngozi Adeyemi"},
            by=cast.manager,
        )
    factories.make_program(cast, name="Beans")
    with cast.database.writing() as session:
        locations.add(session, workspace_id=cast.workspace_id, name="Pier", by=cast.owner)


def _exercise_reads(cast: Cast) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    filters = MemberFilters(
        program_id=cast.program_id, tier="silver", status="active", below_zero=True
    )
    report = factories.verify(cast)
    with cast.database.writing() as session:
        checks.note(session, report=report, started_at=clock.now(), **given)
    with cast.database.reading() as session:
        verify.read_heads(session, **given)
        assert checks.find_last(session, **given)
        assert rewards.has_rewards(session, **given)
        for text in (
            "",
            "ngozi",
            "goz",
            "4471 ma",
            "ma 44 98",
            "ma ada",
            "ptx_1",
            "rdm_1",
            "loy_1",
            "7KQ-4F2",
        ):
            for known_max, looks in ((matches.KNOWN_MAX, ranges.LOOK_FIRST), (0, ())):
                with (
                    mock.patch.object(matches, "KNOWN_MAX", known_max),
                    mock.patch.object(ranges, "LOOK_FIRST", looks),
                ):
                    page = matches.find_members(session, text=text, limit=1, **given)
                    matches.find_members(session, text=text, after=page.cursor, **given)
            for few_max in (paging.FEW_MAX, 0):
                with mock.patch.object(paging, "FEW_MAX", few_max):
                    for each in (
                        filters,
                        MemberFilters(program_id=cast.program_id),
                        MemberFilters(),
                    ):
                        matches.find_members(session, text=text, filters=each, **given)
                        matches.count_members(session, filters=each, **given)
            matches.find_by_id(session, text=text, **given)
            matches.find_exact(session, text=text, **given)
            redemptions.find_by_code(session, text=text, **given)
            matches.find_close_members(session, text=text, filters=filters, **given)
        (member,) = matches.find_members(session, text="", **given).rows
        enrolment.list_near_duplicates(
            session, person=Person(email="a@example.com", phone="0871234471"), **given
        )
        (first, *_) = history.list_rows(session, member=member, before_seq=99).rows
        row = history.get_row(session, member=member, entry_id=first.entry.id)
        assert row.left_points >= 0
        history.sum_by_kind(session, member=member)
        (redemption, *_) = redemptions.list_redemptions(session, text="", **given).rows
        redemptions.list_redemptions(
            session, status="confirmed", text=redemption.code, after="rdm_", **given
        )
        redemptions.get_redemption(session, redemption_id=redemption.id, **given)
        reports.get_overview(session, time_zone="Europe/Dublin", **given)
        reports.list_activity(session, **given)
        _exercise_counter(session, cast)
        _exercise_program_reads(cast, session, member)


def _exercise_program_reads(cast: Cast, session: Any, member: Any) -> None:
    workspace_id = cast.workspace_id
    program = programs.get_program(session, workspace_id=workspace_id, program_id=cast.program_id)
    programs.list_programs(session, workspace_id=workspace_id)
    locations.list_all(session, workspace_id=workspace_id)
    programs.count_by_tier(session, workspace_id=workspace_id)
    programs.count_moves(session, program=program, tiers=[])
    rewards.list_catalogue(session, workspace_id=workspace_id, program_id=program.id)
    rewards.list_offers(session, member=member, tiers=program.tiers)
    rewards.measure_reach(session, program=program, points_cost=100, min_tier="silver")


def _exercise_staff(cast: Cast) -> None:
    email, now = "cashier@harbour.example.com", clock.now()
    with cast.database.writing() as session:
        _, signed_in = (
            sign_ins.sign_in(
                session, email=email, password=password, address="::1", mode="sandbox", hours=1
            )
            for password in ("wrong", factories.PASSWORD)
        )
        assert signed_in is not None
        people.save_preferences(
            session, staff_id=signed_in.staff.id, theme="dark", letter_keys=False
        )
        sign_ins.choose_location(session, token=signed_in.token, location_id=cast.location_id)
        sign_ins.switch_mode(session, token=signed_in.token, mode="live")
        sign_ins.sign_out(session, token=signed_in.token)
        sign_ins.revoke_sessions(session, staff_id=signed_in.staff.id)
        assert not sign_ins.is_over(session, token="nobody's")
        sign_ins.end_over(session, token="nobody's")
        workspaces.get_merchant(session, merchant_id=cast.merchant_id)
        merchants.list_merchants(session)
        merchants.list_workspaces(session)
    with clock.set_to(now + timedelta(days=1)), cast.database.writing() as session:
        sign_ins.remove_dead_sessions(session)
        people.create(
            session,
            merchant_id=cast.merchant_id,
            email="new@example.com",
            name="New",
            role="viewer",
            password=factories.PASSWORD,
            by=cast.owner,
        )
        merchants.create(session, name="Another")


def _exercise_people(cast: Cast) -> None:
    shop: dict[str, Any] = {"merchant_id": cast.merchant_id}
    acts: dict[str, Any] = {**shop, "by": cast.owner}
    token = factories.invite(cast).token
    other = factories.invite(cast, "theo@example.com", "Theo").invite
    with cast.database.writing() as session:
        people.revoke_invite(session, invite_id=other.id, **acts)
        people.list_invites(session, **shop)
        people.find_invite(session, token=token)
        first = "the old lighthouse keeper"
        signed_in = people.accept(session, token=token, password=first, mode="sandbox", hours=1)
        person = signed_in.staff
        herself: dict[str, Any] = {"staff_id": person.id, "by": cast.owner}
        people.change_password(
            session,
            current=first,
            password="a new tide comes in",
            keep_token=signed_in.token,
            **herself,
        )
        people.confirm(session, password="a new tide comes in", **herself)
        people.revoke_other_sessions(session, keep_token=signed_in.token, **herself)
        (here,) = people.list_sessions(session, staff_id=person.id)
        people.revoke_session(session, token_hash=here.token_hash, **herself)
        named: dict[str, Any] = {"staff_id": person.id, **acts}
        people.change_role(session, role="manager", **named)
        people.disable(session, **named)
        people.enable(session, **named)
        people.rename(session, name="Rosa L.", **herself)
        people.recover(session, email=person.email, password=GOOD, by=cast.owner)
        people.list_people(session, **shop)
        people.get_person(session, staff_id=person.id, **shop)
        filters = log.AuditFilters(actor_id="stf", act="staff.invite", since=clock.now())
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        given: dict[str, Any] = {"workspace": workspace}
        log.list_lines(session, filters=filters, after="aud_x", **given)
        assert list(log.export(session, filters=log.AuditFilters(), **given))
        log.list_acts(session, **given)


def _exercise_second_factors(cast: Cast) -> None:
    with cast.database.writing() as session:
        token = factories.sign_in(session, "cashier").token
        second_factors.begin(session, staff_id=cast.cashier.id or "")
        state = second_factors.get_state(session, staff_id=cast.cashier.id or "")
        assert state.setup is not None
        code = pyotp.TOTP(state.setup.secret).at(clock.now())
        assert second_factors.confirm(session, token=token, code="0", by=cast.cashier) is None
        made = second_factors.confirm(session, token=token, code=code, by=cast.cashier)
        assert made
        token = made.token
        assert second_factors.answer(session, token=token, code=code, hours=1) is None
        assert second_factors.answer(session, token=token, code=made.codes[0], hours=1)
        given: dict[str, Any] = {"staff_id": cast.cashier.id or ""}
        second_factors.make_recovery_codes(session, by=cast.cashier, **given)
        second_factors.reset(session, merchant_id=cast.merchant_id, by=cast.owner, **given)


def _exercise_places(cast: Cast) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    acts: dict[str, Any] = {**given, "by": cast.manager}
    till = factories.register_till(cast)
    with cast.database.writing() as session:
        shop = locations.add(session, name="Canal", **acts)
        for act in (locations.close, locations.reopen):
            act(session, location_id=shop.id, **acts)
        locations.rename(session, location_id=shop.id, name="Canal Walk", **acts)
        shops = [shop.id, cast.location_id]
        locations.bind(
            session,
            merchant_id=cast.merchant_id,
            staff_id=cast.cashier.id or "",
            location_ids=shops,
            by=cast.owner,
            **given,
        )
        locations.list_of_person(session, staff_id=cast.cashier.id or "", **given)
        locations.list_all(session, **given)
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        devices.list_all(session, workspace=workspace)
        assert devices.find(session, token=till.token) is not None
        named: dict[str, Any] = {
            "workspace": workspace,
            "device_id": till.device.id,
            "by": cast.manager,
        }
        devices.replace_token(session, **named)
        devices.edit(session, name="Till 2", idle_minutes=3, **named)
        factories.take_pin_in(session, cast, "cashier", "271828")
        factories.take_pin_in(session, cast, "manager", "314159")
        typed: dict[str, Any] = {"device": till.device, "staff_id": cast.cashier.id, "hours": 1}
        assert pins.sign_in(session, pin="000000", **typed) is None
        assert pins.sign_in(session, pin="271828", **typed) is not None
        assert pins.approve(
            session,
            merchant_id=cast.merchant_id,
            approver_id=cast.manager.id or "",
            pin="314159",
            by=cast.cashier,
        )
        devices.revoke(session, **named)


def _exercise_passkeys(cast: Cast) -> None:
    site = Site(host="localhost", origin="http://localhost", key="k" * 40)
    device = Authenticator()
    mine: dict[str, Any] = {"staff_id": cast.manager.id or ""}
    with cast.database.writing() as session:
        token = factories.sign_in(session, "manager").token
        person = people.get_person(session, merchant_id=cast.merchant_id, **mine)
        options = json.loads(passkeys.add_options(session, person=person, site=site))
        added = passkeys.add(
            session,
            token=token,
            credential=device.make(options),
            name="Telephone",
            site=site,
            by=cast.manager,
        )
        known = passkeys.list_of_approvers(session, merchant_id=cast.merchant_id, by=cast.cashier)
        options = json.loads(passkeys.ask_options(site, purpose="approve x", known=known))
        approved = device.sign(options)
        assert passkeys.approve(
            session,
            merchant_id=cast.merchant_id,
            credential=approved,
            purpose="approve x",
            site=site,
            by=cast.cashier,
        )
        options = json.loads(passkeys.ask_options(site, purpose=passkeys.SIGN_IN))
        passkeys.sign_in(
            session, credential=device.sign(options), site=site, mode="sandbox", hours=1
        )
        passkeys.list_own(session, **mine)
        passkeys.count_by_person(session, merchant_id=cast.merchant_id)
        for _press in range(2):
            passkeys.remove(session, passkey_id=added.passkey.id, by=cast.manager, **mine)
        passkeys.remove_spent(session)


def _exercise_allowances(cast: Cast) -> None:
    shop: dict[str, Any] = {"merchant_id": cast.merchant_id}
    factories.limit(cast, cast.cashier.id or "", 100, 1000)
    factories.award(cast, factories.enrol(cast, "Aoife"), 90, by=cast.cashier)
    with cast.database.writing() as session:
        limits = allowances.get_roles(session, **shop)
        allowances.set_roles(session, limits=limits, by=cast.owner, **shop)
        people.edit(
            session,
            workspace_id=cast.workspace_id,
            staff_id=cast.cashier.id or "",
            role="cashier",
            location_ids=[],
            limits=None,
            by=cast.owner,
            **shop,
        )
        allowances.get_people(session, **shop)
        allowances.get_own(session, staff_id=cast.cashier.id or "", **shop)
        person: dict[str, Any] = {"staff_id": cast.cashier.id or ""}
        assert allowances.given_points(session, workspace_id=cast.workspace_id, **person) == 90


def _exercise_records(cast: Cast) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    with cast.database.writing() as session:
        made = customers.create(session, person=Person(name="Kwame"), by=cast.manager, **given)
        changes = {"email": "kwame@example.com", "metadata": {"a": "b"}}
        words.add_many(session, cast.workspace_id, [], ["kwame"])
        customers.edit(session, customer_id=made.id, changes=changes, by=cast.manager, **given)
        (member, *_) = enrolment.list_members(session, page=PageRequest(), **given).rows
        page = PageRequest(limit=1, cursor=made.id)
        customers.list_customers(session, page=page, email="a@example.com", **given)
        enrolment.list_members(
            session,
            page=PageRequest(cursor=new_id("loy"), is_newer=True),
            program_id=cast.program_id,
            customer_id=member.customer_id,
            **given,
        )
        history.list_entries(session, page=PageRequest(), member_id=member.id, **given)
        redemptions.list_page(
            session,
            page=PageRequest(),
            member_id=member.id,
            reward_id="rwd_1",
            status="cancelled",
            **given,
        )
        (reward, *_) = rewards.list_rewards(
            session,
            page=PageRequest(),
            program_id=cast.program_id,
            status="active",
            **given,
        ).rows
        rewards.edit(
            session, reward_id=reward.id, changes={"metadata": {}}, by=cast.manager, **given
        )
        programs.list_page(session, page=PageRequest(), **given)
        programs.edit(
            session, program_id=cast.program_id, changes={"name": "R"}, by=cast.manager, **given
        )
        (event, *_) = outbox.list_events(
            session, page=PageRequest(), event_type="loyalty.points.earned", **given
        ).rows
        outbox.get_event(session, event_id=event.id, **given)
        snapshots.program(programs.list_programs(session, **given)[0])
        snapshots.customer(made)
        snapshots.event(event)


def _exercise_counter(session: Session, cast: Cast) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    place = counter.CounterPlace(location_id=cast.location_id, currency="EUR", **given)
    for text in ("", "a", "zzzqqq", "0871234471"):
        counter.look_up(session, place=place, text=text)
        counter.look_up(session, place=place, text=text, opens=False)
    member = enrolment.list_members(session, page=PageRequest(), **given).rows[0]
    shown = counter.open_member(session, place=place, member_id=member.id)
    for entry in shown.just_now:
        assert counter.read_slip(session, place=place, entry_id=entry.id).slip
    purchases.points_for(member, amount_minor=100, currency="EUR")
    programs.tier_names([member.program])
    for redemption in redemptions.list_redemptions(session, **given).rows:
        assert counter.read_slip(session, place=place, redemption_id=redemption.id).slip


def _exercise_cards(session: Session, cast: Cast) -> None:
    member = enrolment.list_members(
        session, workspace_id=cast.workspace_id, page=PageRequest()
    ).rows[0]
    workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
    shop: dict[str, Any] = {"workspace": workspace, "member_id": member.id}
    cards.give_number(session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.cashier)
    link = cards.make_link(session, by=cast.cashier, **shop)
    cards.open_link(session, token=link.token)
    cards.find_link(session, **shop)
    cards.revoke_link(session, by=cast.cashier, **shop)


def _exercise_webhooks(cast: Cast) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    with cast.database.writing() as session:
        _exercise_cards(session, cast)
        url = "https://shop.example.com/hooks"
        made = endpoints.create_endpoint(
            session, url=url, enabled_events=["*"], by=cast.owner, **given
        ).endpoint
        endpoint: dict[str, Any] = {"endpoint_id": made.id, "by": cast.owner, **given}
        test = resends.send_test(session, **endpoint)
        assert deliveries.has_work(session, **given)
        assert deliveries.get_backlog(session, **given).oldest_event_at
        while deliveries.dispatch(session, **given):
            pass
        resent = resends.resend_range(
            session,
            since=clock.now() - timedelta(hours=1),
            until=clock.now() + timedelta(hours=1),
            with_delivered=True,
            **endpoint,
        )
        jobs = deliveries.claim(session, busy={}, **given)
        for job, code in zip(jobs, (200, 500, 410), strict=False):
            answer = deliveries.Answer(duration_ms=1.0, status=code)
            deliveries.finish(session, job=job, answer=answer, luck=0.5)
        event = outbox.list_events(session, page=PageRequest(), **given).rows[0]
        snapshots.event_body(event, is_live=False)
        _read_webhook_log(session, cast, resent.id, test.id)
        endpoints.amend_endpoint(session, changes={"status": "enabled"}, **endpoint)
        resends.resend(session, delivery_id=test.id, by=cast.owner, **given)
        endpoints.rotate_secret(session, overlap_hours=1, **endpoint)
        endpoints.amend_endpoint(session, changes={"status": "disabled"}, **endpoint)
        endpoints.list_endpoints(session, page=PageRequest(), **given)
        shown = endpoints.get_endpoint(session, endpoint_id=made.id, **given)
        snapshots.webhook_endpoint(shown)
        deliveries.remove_old(session, **given)
        endpoints.delete_endpoint(session, **endpoint)
        assert endpoints.was_deleted(session, endpoint_id=made.id, **given)


def _read_webhook_log(session: Session, cast: Cast, resend_id: str, delivery_id: str) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    filters = delivery_log.DeliveryFilters(
        endpoint_id="we", event_type="webhook.test", state="failed"
    )
    delivery_log.list_deliveries(session, filters=filters, after="whd_x", **given)
    found = delivery_log.get_delivery(session, delivery_id=delivery_id, **given)
    delivery_log.list_attempts(session, delivery=found)
    delivery_log.list_of_entry(session, entry_id="ptx_x", **given)
    assert delivery_log.list_health(session, **given)
    delivery_log.list_needing_attention(session, **given)
    assert delivery_log.get_progress(session, resend_id=resend_id, **given).done_count >= 0


def _exercise_payments(cast: Cast) -> None:
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        shop: dict[str, Any] = {"workspace": workspace, "by": cast.owner}
        source = sources.create(
            session, kind="regulars", name="Shop", program_id=cast.program_id, **shop
        ).source
        named: dict[str, Any] = {"source_id": source.id, **shop}
        sources.rename(session, name="Web shop", **named)
        sources.switch(session, is_on=True, **named)
        sources.replace_secret(session, overlap_hours=1, **named)
        sources.list_sources(session, workspace=workspace)
        found = sources.find_source(session, source_id=source.id)
        assert found is not None
        sources.good_secrets(found.source)
        enrolled = enrolment.enrol(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            customer_id="cust_1",
            by=cast.owner,
        )
        assert enrolled.value.balance == 0
        told = [refunded("re_1", 30), completed(), completed("pay_2", customerId="nobody")]
        messages = [payment_rules.read("regulars", headers={}, body=body) for body in told]
        where: dict[str, Any] = {"workspace": workspace, "source": source}
        events = [
            payment_events.receive(session, message=message, **where).event for message in messages
        ]
        payment_events.retry(session, event_id=events[-1].id, by=cast.owner, **where)
        sources.list_events(session, workspace_id=cast.workspace_id, source_id=source.id)


def _exercise_api(cast: Cast) -> None:
    given: dict[str, Any] = {"workspace_id": cast.workspace_id}
    key = IdempotencyKey("api", "k9", "0" * 64)
    with cast.database.writing() as session:
        workspace = workspaces.get_workspace(session, merchant_id=cast.merchant_id, mode="sandbox")
        shop: dict[str, Any] = {"workspace": workspace, "by": cast.owner}
        made = keys.create(session, name="Till", scopes=["points:read"], **shop)
        keys.list_keys(session, workspace=workspace)
        made_again = keys.create(session, name="Till 2", **shop)
        keys.roll(session, key_id=made.key.id, overlap_hours=1, **shop)
        keys.revoke(session, key_id=made.key.id, **shop)
        keys.note_use(session, key_ids=[made.key.id])
        request_log.record(session, rows=[_request(cast)])
        filters = request_log.RequestFilters(key_id="key_1", failed_only=True)
        request_log.list_requests(session, filters=filters, after="req_2", **given)
        request_log.get_request(session, request_id="req_1", **given)
        request_log.list_entries(session, request_id="req_1", **given)
        (entry, *_) = history.list_entries(session, page=PageRequest(), **given).rows
        request_log.find_maker(session, entry=entry)
        request_log.list_seen_calls(session, among=[("GET", "/v1/events")], **given)
        request_log.remove_old(session, **given)
        idempotency.claim(session, key=key, **given)
        answer = idempotency.Answer(201, "{}")
        idempotency.keep(session, key=key, result_id="loy_1", answer=answer, **given)
        idempotency.find_first(session, key=key, **given)
        redemption_id = redemptions.list_redemptions(session, **given).rows[0].id
        redemptions.read_redemption(session, redemption_id=redemption_id, **given)
        _award_many(session, cast)
        rate_limits.remove_full(session)
        if not cast.database.is_sqlite:
            rate_limits.take(session, name="key_1", rate=Rate(1, 1))
            rate_limits.take(session, name="key_1", rate=Rate(1, 1))
    keys.find(cast.database, secret=made_again.secret)
    if not cast.database.is_sqlite:
        keys.admit(cast.database, secret="sk_test_nobody", rate=Rate(1, 1))
        keys.admit(cast.database, secret=made_again.secret, rate=Rate(1, 1))


def _award_many(session: Session, cast: Cast) -> None:
    award = Award(points=1, reason="Purchase", source=Source("payment", "pay_many"))
    (entry, *_) = history.list_entries(
        session, workspace_id=cast.workspace_id, page=PageRequest()
    ).rows
    wanted = [
        Wanted(entry.member_id, award, IdempotencyKey("api", "k10", "k10")),
        Wanted(
            "loy_nobody", Award(points=1, reason="Purchase"), IdempotencyKey("api", "k11", "k11")
        ),
    ]
    by = Actor(kind="key", id="key_1", role="key")
    for _ in range(2):
        batches.award_all(session, workspace_id=cast.workspace_id, wanted=wanted, by=by)


def _request(cast: Cast) -> dict[str, Any]:
    texts = dict.fromkeys(("key_id", "method", "path", "route", "error_code", "replayed"), "")
    return {
        "workspace_id": cast.workspace_id,
        "id": "req_1",
        "status": 200,
        "duration_ms": 1.0,
        "idempotency_key": "",
        "body": "",
        "recorded_at": clock.now(),
        **texts,
    }
