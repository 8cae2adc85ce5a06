"""Enrolling members, and editing who they are: spec sections 1 and 3."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import select

from app import errors
from app.db.database import Database
from app.models.members import Member
from app.models.search import SearchWord
from app.rules.actors import Actor
from app.services.members import cards, customers, enrolment
from app.services.members.customers import Person
from app.services.results import Result
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.once import run_once

WAIT_SECONDS = 0.3
"""Until the other thread waits for our lock. Too short a wait would only miss a fault."""


def test_a_new_member_has_nothing_yet_and_the_first_tier(cast: Cast) -> None:
    outcome = _enrol(cast, person=Person(name=" Ngozi ", email="Ngozi@Example.com"))

    member = outcome.value
    assert (outcome.replayed, member.id[:4], member.customer_id[:5]) == ("", "loy_", "cust_")
    assert (member.status, member.balance, member.lifetime_points) == ("active", 0, 0)
    assert (member.tier, member.entry_count) == ("bronze", 0)
    assert (member.customer.name, member.customer.email_key) == ("Ngozi", "ngozi@example.com")


def test_a_callers_own_id_is_kept_as_it_is(cast: Cast) -> None:
    member = _enrol(cast, customer_id="Kunde №7/ä").value

    assert member.customer_id == "Kunde №7/ä"


@pytest.mark.parametrize("customer_id", ["x" * 256, "a\x00b", "\ud800"])
def test_a_callers_id_that_cannot_be_kept_is_refused(cast: Cast, customer_id: str) -> None:
    with pytest.raises(errors.InvalidParameter) as refusal:
        _enrol(cast, customer_id=customer_id)

    assert refusal.value.param == "customerId"


def test_enrolling_again_gives_the_member_and_tells_nobody(cast: Cast) -> None:
    first = _enrol(cast, customer_id="c1", person=Person(name="Ngozi"))
    written = records.count_written(cast)

    again = _enrol(cast, customer_id="c1", person=Person(name="Somebody Else"))

    assert again.value.id == first.value.id
    assert again.replayed == "existing"
    assert again.value.customer.name == "Ngozi"
    assert records.count_written(cast) == written


def test_one_customer_can_be_in_two_programs(cast: Cast) -> None:
    other = factories.make_program(cast, name="Beans")

    first = _enrol(cast, customer_id="c1").value
    second = _enrol(cast, customer_id="c1", program_id=other.id).value

    assert first.id != second.id
    assert first.customer_id == second.customer_id


def test_the_same_key_enrols_one_person_once(cast: Cast) -> None:
    first, again = (_enrol_once(cast, "k1", person=Person(name="Ngozi")) for _ in range(2))

    assert again.value.id == first.value.id
    assert again.replayed == "key"
    with pytest.raises(errors.IdempotencyConflict):
        _enrol_once(cast, "k1", person=Person(name="Kwame"))


def test_a_key_that_met_an_existing_member_answers_with_it_for_ever(cast: Cast) -> None:
    first = _enrol(cast, customer_id="c1")

    met, again = (_enrol_once(cast, "k1", customer_id="c1") for _ in range(2))

    assert (met.replayed, again.replayed) == ("existing", "key")
    assert met.value.id == again.value.id == first.value.id


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("name", "x" * 201),
        ("name", "a\x00b"),
        ("email", "ngozi"),
        ("email", "a@b@example.com"),
        ("email", f"{'x' * 250}@example.com"),
        ("phone", "none"),
        ("phone", "1234567890123456"),
        ("card_number", "1" * 65),
        ("card_number", "\u33ff" * 64),  # one sign that is written with three letters
    ],
)
def test_a_record_out_of_bounds_is_refused_by_name(cast: Cast, param: str, value: str) -> None:
    with pytest.raises(errors.InvalidParameter) as refusal:
        _enrol(cast, person=Person(**{param: value}))

    assert refusal.value.param == param


@pytest.mark.parametrize(
    "metadata",
    [
        {f"k{number}": "v" for number in range(51)},
        {"k" * 41: "v"},
        {"": "v"},
        {"k": "v" * 501},
        {"k": 5},
        {"k": "a\x00b"},
        {"a\x00b": "v"},
        {"k": "\ud800"},
    ],
)
def test_metadata_out_of_bounds_is_refused(cast: Cast, metadata: dict[str, Any]) -> None:
    with pytest.raises(errors.InvalidParameter) as refusal:
        _enrol(cast, metadata=metadata)

    assert str(refusal.value.param).startswith("metadata")


def test_an_unknown_program_is_not_found(cast: Cast) -> None:
    with pytest.raises(errors.NotFound) as refusal:
        _enrol(cast, program_id="prog_none")

    assert refusal.value.param == "programId"


def test_a_cashier_enrols_and_a_viewer_does_not(cast: Cast) -> None:
    _enrol(cast, by=cast.cashier)

    with pytest.raises(errors.PermissionDenied):
        _enrol(cast, by=cast.viewer)


def test_who_may_be_the_same_person_is_found_by_email_phone_or_card(cast: Cast) -> None:
    member = factories.enrol(
        cast,
        "Ngozi Okafor",
        email="ngozi@example.com",
        phone="+353 87 123 4471",
        card_number="9826-0042",
    )
    factories.enrol(cast, "Kwame Mensah", phone="+353 87 999 0000")

    for same in (
        Person(email="NGOZI@example.com"),
        Person(phone="087 1234471"),
        Person(phone="00353871234471"),
        Person(card_number="98260042"),
    ):
        assert _near(cast, same) == [member.id]
    assert _near(cast, Person(name="Ngozi Okafor")) == []


def test_editing_a_person_is_found_under_the_new_name_only(cast: Cast) -> None:
    member = factories.enrol(cast, "Ngozi Okafor", email="ngozi@example.com")

    edited = _edit(cast, member, Person(name="Ngozi Adeyemi", email="ngozi@example.com"))

    assert edited.customer.search_text == " ngozi adeyemi @example.com ngozi@example.com"
    assert records.audit_of(cast, "members.edit")[0].after == {"changed": ["name"]}
    assert len(records.events_of(cast, "loyalty.account.updated")) == 1


def test_saving_a_person_unchanged_tells_nobody(cast: Cast) -> None:
    member = factories.enrol(cast, "Ngozi Okafor")
    written = records.count_written(cast)

    _edit(cast, member, Person(name="Ngozi Okafor"))

    assert records.count_written(cast) == written


def test_a_cashier_does_not_edit_a_person(cast: Cast) -> None:
    with pytest.raises(errors.PermissionDenied):
        _edit(cast, factories.enrol(cast), Person(name="X"), by=cast.cashier)


def _enrol(cast: Cast, **given: Any) -> Result[Member]:
    asked: dict[str, Any] = {"program_id": cast.program_id, "by": cast.manager, **given}
    with cast.database.writing() as session:
        return enrolment.enrol(session, workspace_id=cast.workspace_id, **asked)


def _enrol_once(cast: Cast, key: str, **given: Any) -> Result[Member]:
    return run_once(
        cast,
        key,
        enrolment.enrol,
        lambda session, workspace_id, id_: enrolment.get_member(
            session, workspace_id=workspace_id, member_id=id_
        ),
        program_id=cast.program_id,
        by=cast.manager,
        **given,
    )


def _edit(cast: Cast, member: Member, person: Person, by: Actor | None = None) -> Member:
    with cast.database.writing() as session:
        return enrolment.edit(
            session,
            workspace_id=cast.workspace_id,
            member_id=member.id,
            changes=vars(person),
            by=by or cast.manager,
        )


def _near(cast: Cast, person: Person) -> list[str]:
    with cast.database.reading() as session:
        found = enrolment.list_near_duplicates(
            session, workspace_id=cast.workspace_id, person=person
        )
    return [member.id for member in found]


def test_a_letter_that_grows_when_it_is_folded_makes_no_email_too_long(cast: Cast) -> None:
    email = "ΐ" * 64 + "@" + "a" * 40 + "." + "b" * 40 + ".com"

    with pytest.raises(errors.InvalidParameter) as refused:
        factories.enrol(cast, email=email)
    assert refused.value.param == "email"


def test_each_account_of_a_person_is_told_by_whichever_way_the_record_is_changed(
    cast: Cast,
) -> None:
    member = factories.enrol(cast, "Ann", customer_id="c1")
    other = factories.make_program(cast, name="Beans")
    _enrol(cast, program_id=other.id, customer_id="c1")

    _edit(cast, member, Person(name="Bertha"))
    with cast.database.writing() as session:
        cards.give_number(
            session, workspace_id=cast.workspace_id, member_id=member.id, by=cast.manager
        )

    assert len(records.events_of(cast, "loyalty.account.updated")) == 4


def test_a_record_that_is_changed_meanwhile_leaves_no_word_of_the_old_one(
    postgres: Database,
) -> None:
    cast = factories.make_cast(postgres)
    member = factories.enrol(cast, "Ann", customer_id="c1")
    latecomer = threading.Thread(target=lambda: _edit(cast, member, Person(name="Carol")))

    with cast.database.writing() as session:
        customers.edit(
            session,
            workspace_id=cast.workspace_id,
            customer_id="c1",
            changes={"name": "Bertha"},
            by=cast.manager,
        )
        session.flush()
        latecomer.start()
        time.sleep(WAIT_SECONDS)
    latecomer.join()

    with cast.database.reading() as session:
        words = session.scalars(select(SearchWord.word)).all()
    assert words == ["carol"]
