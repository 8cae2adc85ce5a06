"""Finding members by whatever is typed at the till."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from app import clock
from app.db.database import Database
from app.models.members import Member
from app.services import paging
from app.services.members import customers, enrolment
from app.services.members.customers import Person
from app.services.members.search import matches
from app.services.members.search.matches import MemberFilters, MemberPage
from tests import factories
from tests.cast import Cast
from tests.support import records
from tests.support.statements import statements_heard


@pytest.fixture
def john(cast: Cast) -> Member:
    """John Smith, among others who are much like him."""
    factories.enrol(cast, "Jane Smithson", email="jane@harbour.example.com")
    factories.enrol(cast, "John Martin", phone="+353 87 555 4471")
    factories.enrol(cast, "Mary Murphy", phone="+353 85 000 4471")
    factories.enrol(cast, "Karel Kovářů")
    return factories.enrol(
        cast,
        "John Smith",
        email="j.smith_7@post.example.com",
        phone="+353 87 123 9902",
        card_number="9826-0042-1177",
    )


@pytest.mark.parametrize(
    "text",
    [
        "smith john",
        "smith, john",
        "John  SMITH",
        " smi joh ",
        "j.smith_7@post",
        "J.SMITH_7@POST.EXAMPLE.COM",
        "@post.example",
        "+353 87 123 9902",
        "00353871239902",
        "087 123 9902",
        "(087) 123-9902",
        "+353 (0)87 123 9902",
        "9902",
        "9902 smi",
        "9826 0042 1177",
        "982600421177",
    ],
)
def test_one_is_found_by(cast: Cast, john: Member, text: str) -> None:
    assert _ids(cast, text) == [john.id]


def test_a_surname_in_capitals_finds_all_who_begin_with_it(cast: Cast, john: Member) -> None:
    assert _names(cast, "SMITH") == {"John Smith", "Jane Smithson"}


def test_an_initial_begins_a_word(cast: Cast, john: Member) -> None:
    assert _names(cast, "j smith") == {"John Smith", "Jane Smithson"}
    assert _names(cast, "h smith") == set()


def test_digits_and_letters_together_narrow_each_other(cast: Cast, john: Member) -> None:
    assert _names(cast, "4471") == {"John Martin", "Mary Murphy"}
    assert _names(cast, "4471 mar") == {"John Martin", "Mary Murphy"}
    assert _names(cast, "4471 mart") == {"John Martin"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Zdeňka Kovářová", "Kovarova"),
        ("Zdenka Kovarova", "Kovářová"),
        ("Иван Петров", "petrov"),
        ("Søren Ångström", "soren angstrom"),
        ("Siobhán O’Brien", "o'brien"),
        ("Anne-Marie Byrne", "anne marie"),
    ],
)
def test_letters_of_other_alphabets_are_met_in_either_spelling(
    cast: Cast, name: str, text: str
) -> None:
    factories.enrol(cast, "Somebody Else")
    member = factories.enrol(cast, name)

    assert _ids(cast, text) == [member.id]


@pytest.mark.parametrize("kept", ["087 123 4471", "+353871234471", "00353 87 1234471"])
@pytest.mark.parametrize("typed", ["+353 87 123 4471", "0871234471", "(087) 1234471", "123 4471"])
def test_a_phone_is_found_in_any_spelling(cast: Cast, kept: str, typed: str) -> None:
    factories.enrol(cast, "Somebody Else", phone="+353 87 999 9999")
    member = factories.enrol(cast, phone=kept)

    assert _ids(cast, typed) == [member.id]


def test_an_id_or_a_code_names_its_member(cast: Cast) -> None:
    factories.award(cast, factories.enrol(cast, "Somebody Else"), 500)
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 500)
    redemption = factories.redeem(cast, member, factories.make_reward(cast))

    for text in (
        member.id,
        member.customer_id,
        entry.id,
        redemption.id,
        redemption.code,
        redemption.code_shown,
        redemption.code_shown.lower(),
        f"  {entry.id} ",
    ):
        assert _ids(cast, text) == [member.id]
    for text in (member.id, entry.id, redemption.id, redemption.code_shown):
        with cast.database.reading() as session:
            found = matches.find_by_id(session, workspace_id=cast.workspace_id, text=text)
        assert found == member.id


def test_a_scan_names_one_member_or_nobody(cast: Cast) -> None:
    ann = factories.enrol(cast, "Ann", card_number="77-000123", email="ann@example.com")
    factories.enrol(cast, "Bo", card_number="77-0001234")
    for number in (1, 2):
        factories.enrol(cast, f"Twin {number}", card_number="88-1", phone="0871234471")
    redemption = factories.redeem(cast, ann, factories.make_reward(cast, points_cost=0))

    def found(text: str) -> str | None:
        with cast.database.reading() as session:
            return matches.find_exact(session, workspace_id=cast.workspace_id, text=text)

    for text in ("77 000123", "ANN@example.com", ann.id, ann.customer_id, redemption.code_shown):
        assert found(text) == ann.id, text
    for text in ("", "-", "77-00012", "ann", "88-1", "4471"):
        assert found(text) is None, text


def test_a_callers_own_customer_id_is_found_whatever_it_looks_like(cast: Cast) -> None:
    factories.enrol(cast, "Somebody Else")
    with cast.database.writing() as session:
        member = enrolment.enrol(
            session,
            workspace_id=cast.workspace_id,
            program_id=cast.program_id,
            customer_id="Kunde #7/ä",
            by=cast.manager,
        ).value

    assert _ids(cast, "Kunde #7/ä") == [member.id]


@pytest.mark.parametrize("text", ["nobody", "loy_nobody", "ZZZ-ZZZ", "rwd_x"])
def test_nothing_exact_is_no_one(cast: Cast, john: Member, text: str) -> None:
    with cast.database.reading() as session:
        found = matches.find_by_id(session, workspace_id=cast.workspace_id, text=text)
    assert found is None
    assert _ids(cast, text) == []


def test_a_member_just_enrolled_comes_first(cast: Cast, john: Member) -> None:
    member = factories.enrol(cast, "Aaron New")

    assert _ids(cast, "")[0] == member.id
    assert _ids(cast, "aaron") == [member.id]


def test_who_was_here_last_comes_first_and_an_exact_match_before_all(cast: Cast) -> None:
    exact = factories.enrol(cast, "Ann", email="ann@example.com")
    other = factories.enrol(cast, "Zoe", email="ann@example.com.au")
    factories.award(cast, other, 1)

    assert _ids(cast, "") == [other.id, exact.id]
    assert _ids(cast, "ann@example") == [other.id, exact.id]
    assert _ids(cast, "ann@example.com") == [exact.id, other.id]


def test_letters_inside_a_name_are_found_after_those_that_begin_a_word(cast: Cast) -> None:
    ann = factories.enrol(cast, "Ann Burke")
    joann = factories.enrol(cast, "Joann Burke")

    assert _ids(cast, "ann") == [ann.id, joann.id]
    assert _ids(cast, "an") == [ann.id]
    assert _ids(cast, "oan bur") == [joann.id]
    assert _ids(cast, "oan xur") == []


def test_a_changed_record_is_found_by_what_it_says_now(cast: Cast) -> None:
    member = factories.enrol(cast, "Ann Burke", email="ann.b@example.com", phone="087 123 4471")
    with cast.database.writing() as session:
        person = Person(name="Ann Kelly", email="kelly@post.example.com", phone="087 123 9902")
        enrolment.edit(
            session,
            workspace_id=cast.workspace_id,
            member_id=member.id,
            changes=vars(person),
            by=cast.manager,
        )

    for text in ("ann", "kelly", "kelly@post", "@post", "9902"):
        assert _ids(cast, text) == [member.id], text
    for text in ("burke", "ann.b@", "@example", "4471"):
        assert _ids(cast, text) == [], text


@pytest.mark.parametrize("text", ["%", "_", "%%%%", "____", "\\", "5% off", "j%n"])
def test_wildcards_stand_for_themselves(cast: Cast, john: Member, text: str) -> None:
    assert _ids(cast, text) == []


def test_an_underscore_in_an_email_is_an_underscore(cast: Cast) -> None:
    factories.enrol(cast, "One", email="axb@example.com")
    member = factories.enrol(cast, "Two", email="a_b@example.com")

    assert _ids(cast, "a_b@example") == [member.id]


@pytest.mark.parametrize(
    "text", ["a\x00b", "\x00", "x" * 10_000, "\ud800", "'; DROP TABLE members"]
)
def test_no_text_breaks_the_search(cast: Cast, john: Member, text: str) -> None:
    assert _ids(cast, text) == []


@pytest.mark.parametrize("few_max", [paging.FEW_MAX, 2, 0])
def test_filters_narrow_and_the_count_agrees(
    cast: Cast, few_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "FEW_MAX", few_max)
    silver = factories.enrol(cast, "Silver")
    factories.award(cast, silver, 600)
    closed = factories.close(cast, factories.enrol(cast, "Closed"))
    owing = factories.enrol(cast, "Owing")
    factories.adjust(cast, owing, -1, allow_negative=True)
    other = factories.make_program(cast, name="Beans")

    for filters, expected in (
        (MemberFilters(tier="silver"), {silver.id}),
        (MemberFilters(status="closed"), {closed.id}),
        (MemberFilters(below_zero=True), {owing.id}),
        (MemberFilters(tier="bronze", status="active"), {owing.id}),
        (MemberFilters(program_id=cast.program_id), {silver.id, closed.id, owing.id}),
        (MemberFilters(program_id=other.id), set()),
    ):
        assert set(_ids(cast, "", filters=filters)) == expected
        assert _count(cast, filters) == len(expected)
        for text in ("sil", "clo", "owing", "zzz"):
            found = {*_ids(cast, text)} & expected
            assert {*_ids(cast, text, filters=filters)} == found, (text, filters)


def test_pages_are_exact_while_rows_arrive(cast: Cast) -> None:
    start = clock.now()
    expected = []
    for number in range(7):
        # Two each are seen in the same moment, so that the id has to part them.
        with clock.set_to(start + timedelta(seconds=number // 2)):
            expected.append(factories.enrol(cast, f"Smith {number}").id)

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = _page(cast, "", after=cursor, limit=2)
        seen += [member.id for member in page.rows]
        cursor = page.cursor
        if cursor is None:
            break
        with clock.set_to(start + timedelta(seconds=100 + len(seen))):
            factories.enrol(cast, f"Smith later {len(seen)}")

    assert sorted(seen) == sorted(expected)
    assert len(seen) == 7


def test_of_more_than_a_hundred_matches_the_first_are_listed_by_name(cast: Cast) -> None:
    enrolled = {f"Smith {number:03}": f"Smith {number:03}" for number in range(101)}
    for name in sorted(enrolled, reverse=True)[:-1]:
        factories.enrol(cast, name)
    whole = _page(cast, "smith")
    assert (len(whole.rows), whole.count, whole.is_cut) == (100, 100, False)
    assert whole.rows[0].customer.name == "Smith 001", "the newest visit first"

    named = factories.enrol(cast, "Ann", email="smith@example.com")
    factories.enrol(cast, "Smith 000")

    cut = _page(cast, "smith")
    assert [each.customer.name for each in cut.rows] == sorted(enrolled)[:100]
    assert (cut.count, cut.is_cut, cut.cursor) == (None, True, None)
    assert _ids(cast, "smith", limit=3) == [member.id for member in cut.rows[:3]]
    assert _ids(cast, "smith@example.com") == [named.id]
    assert not _page(cast, "smith", filters=MemberFilters(status="closed")).is_cut


def test_a_customer_who_is_no_member_is_not_counted(cast: Cast) -> None:
    with cast.database.writing() as session:
        for number in range(matches.KNOWN_MAX + 1):
            customers.create(
                session,
                workspace_id=cast.workspace_id,
                customer_id=f"c{number}",
                person=Person(name="Mary Murphy"),
                metadata={},
                by=cast.manager,
            )
    member = factories.enrol(cast, "Mary Zimmer")

    assert _ids(cast, "mary") == [member.id]
    assert _page(cast, "mary").count == 1


def test_a_customer_with_many_words_alike_is_one_match(cast: Cast) -> None:
    ids = {factories.enrol(cast, "Ann Anna Anne Annabel Anneke Annika").id for _ in range(50)}

    found = _page(cast, "ann")

    assert {member.id for member in found.rows} == ids
    assert found.count == 50


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage",
        "5",
        "null",
        "{}",
        "[1,2]",
        '["x","y"]',
        '["2026-01-01T00:00:00","loy_x"]',  # no zone
        '["0001-01-01T00:00:00+14:00","loy_x"]',  # before the calendar begins
        '[1e999,"loy_x"]',
        '["2026-01-01T00:00:00+00:00","\\u0000"]',
        '["2026-01-01T00:00:00+00:00","\\ud800"]',
        "[" * 100_000,
        "1" * 5000,
    ],
)
def test_a_garbage_cursor_begins_again(cast: Cast, john: Member, cursor: str) -> None:
    assert len(_page(cast, "", after=cursor).rows) == 5


WHOLE_TABLE = re.compile(
    r"(SCAN|SEARCH) (customers|members|search_words|ledger_entries|redemptions)\b"
    r"(?!.*\(workspace_id=\? AND )"
)


@pytest.mark.parametrize("known_max", [matches.KNOWN_MAX, 1])
@pytest.mark.parametrize("few_max", [paging.FEW_MAX, 0])
def test_no_search_reads_a_whole_table(
    sqlite: Database, known_max: int, few_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite has no statistics, so that a plan has to be good without them."""
    monkeypatch.setattr(matches, "KNOWN_MAX", known_max)
    monkeypatch.setattr(paging, "FEW_MAX", few_max)
    cast = factories.make_cast(sqlite)
    for number in range(8):
        record = {"phone": f"087 123 447{number}", "email": f"mary.{number}@example.com"}
        factories.enrol(cast, f"Mary Murphy {number}", card_number=f"98{number}", **record)

    with statements_heard(sqlite) as heard:
        _search_in_every_way(cast)

    with sqlite.engine.connect() as connection:
        for each in heard:
            nothing = (None,) * each.sql.count("?")
            explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each.sql}", nothing)
            plan = [row[-1] for row in explained]
            assert not any(map(WHOLE_TABLE.match, plan)), (each.sql, plan)


TEXTS = (
    *("m", "mary", "mary murphy", "ary", "mray", "4471", "4417 mary", "4471 4472 ary"),
    *("@example", "98", "9", "mary.1@example.com", "7KQ-4F2", "ptx_1", "rdm_1", "loy_1"),
)


def _search_in_every_way(cast: Cast) -> None:
    with cast.database.reading() as session:
        for text in TEXTS:
            given: dict[str, Any] = {"workspace_id": cast.workspace_id, "text": text}
            for filters in (
                MemberFilters(),
                MemberFilters(tier="bronze"),
                MemberFilters(status="active", program_id=cast.program_id),
                MemberFilters(status="closed", below_zero=True),
            ):
                matches.find_members(session, filters=filters, **given)
            matches.find_close_members(session, **given)
            matches.find_exact(session, **given)
        person = Person(phone="0871234471", email="mary.1@example.com", card_number="981")
        enrolment.list_near_duplicates(session, workspace_id=cast.workspace_id, person=person)


def test_nobody_of_another_workspace_is_found(cast: Cast, john: Member) -> None:
    entry = factories.award(cast, john, 500)
    redemption = factories.redeem(cast, john, factories.make_reward(cast))

    for text in ("", "john", john.id, john.customer_id, entry.id, redemption.id, redemption.code):
        with cast.database.reading() as session:
            page = matches.find_members(session, workspace_id=cast.live_workspace_id, text=text)
            assert page.rows == []
            assert not matches.find_by_id(session, workspace_id=cast.live_workspace_id, text=text)
    assert records.count_written(cast)["members"] == 5


def _page(cast: Cast, text: str, **given: Any) -> MemberPage:
    with cast.database.reading() as session:
        return matches.find_members(session, workspace_id=cast.workspace_id, text=text, **given)


def _ids(cast: Cast, text: str, **given: Any) -> list[str]:
    return [member.id for member in _page(cast, text, **given).rows]


def _names(cast: Cast, text: str) -> set[str]:
    return {member.customer.name for member in _page(cast, text).rows}


def _count(cast: Cast, filters: MemberFilters) -> int:
    with cast.database.reading() as session:
        return matches.count_members(session, workspace_id=cast.workspace_id, filters=filters)


@pytest.mark.parametrize(
    "typed", ["4417 kw", "kwmae", "Kwame Mensha", "mnsah", "kwame 4477", "Kwamé Mennsah"]
)
def test_a_misspelt_member_is_offered_as_near(cast: Cast, typed: str) -> None:
    kwame = factories.enrol(cast, "Kwame Mensah", phone="+353 87 123 4471")
    factories.enrol(cast, "Ingrid Sørensen", phone="+353 87 123 7741")
    factories.enrol(cast, "Kai Menkes", phone="+353 87 123 0000")

    assert _ids(cast, typed) == []
    assert _close_ids(cast, typed)[0] == kwame.id


def test_nobody_is_near_to_nonsense(cast: Cast, john: Member) -> None:
    assert _close_ids(cast, "qqq xyz") == []
    assert _close_ids(cast, "") == []
    assert _close_ids(cast, "%") == []


def test_the_filters_hold_for_near_members_too(cast: Cast, john: Member) -> None:
    assert _close_ids(cast, "jhon smith", status="active") == [john.id]
    assert _close_ids(cast, "jhon smith", status="closed") == []


def _close_ids(cast: Cast, text: str, **filters: Any) -> list[str]:
    with cast.database.reading() as session:
        found = matches.find_close_members(
            session, workspace_id=cast.workspace_id, text=text, filters=MemberFilters(**filters)
        )
        return [member.id for member in found]


def test_a_whole_phone_number_comes_before_one_that_ends_alike(cast: Cast) -> None:
    with clock.set_to(clock.now() - timedelta(days=1)):
        meant = factories.enrol(cast, "Uchenna Okonkwo", phone="+234 803 113 6133")
    alike = factories.enrol(cast, "Mary Quinn", phone="085 113 6133")

    with cast.database.reading() as session:
        found = matches.find_members(
            session, workspace_id=cast.workspace_id, text="+234 803 113 6133"
        )

    assert [member.id for member in found.rows] == [meant.id, alike.id]


@pytest.mark.parametrize("text", ["0346", "00346", "7 0346", "087 120 0346", "+353871200346"])
def test_the_end_of_a_phone_number_may_begin_with_a_zero(cast: Cast, text: str) -> None:
    member = factories.enrol(cast, "Michał Kowalski", phone="+353 87 120 0346")
    factories.enrol(cast, "Ann Burke", phone="+353 87 120 1346")

    found = _ids(cast, text)

    assert found == ([] if text == "7 0346" else [member.id])
