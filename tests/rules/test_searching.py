"""How names, phones, cards and codes are folded so that people find each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models.members import Customer
from app.rules import searching


@pytest.mark.parametrize(
    ("text", "folded"),
    [("Kovářová", "kovarova"), ("Иванов", "ivanov"), ("ÅNGSTRÖM", "angstrom"), ("Groß", "gross")],
)
def test_letters_are_folded_to_ascii(text: str, folded: str) -> None:
    assert searching.fold(text) == folded


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_folding_gives_ascii_and_folding_again_changes_nothing(text: str) -> None:
    folded = searching.fold(text)

    assert folded.isascii()
    assert searching.fold(folded) == folded


@pytest.mark.parametrize(
    "phone",
    [
        "+353 87 123 4471",
        "00353871234471",
        "+353-87-1234471",
        "+353 (0)87 123 4471",
        "(+353)871234471",
        "087 123 4471",
        "(087) 123-4471",
    ],
)
def test_spellings_of_one_phone_have_the_same_digits(phone: str) -> None:
    assert searching.phone_digits(phone) == "871234471"
    assert searching.phone_reversed(phone) == "174432178"


@pytest.mark.parametrize(
    ("phone", "digits"),
    [
        ("+1 212 555 0100", "2125550100"),
        ("+7 903 123 45 67", "9031234567"),
        ("+20 10 1234 5678", "1012345678"),
        ("+44 7700 900123", "7700900123"),
        ("+81 90 1234 5678", "9012345678"),
        ("+998 90 123 45 67", "901234567"),
        ("+", ""),
        ("", ""),
    ],
)
def test_a_country_code_is_left_out(phone: str, digits: str) -> None:
    assert searching.phone_digits(phone) == digits


def test_two_phones_meet_in_their_national_part() -> None:
    assert searching.national_part("+353 87 123 4471") == searching.national_part("0871234471")
    assert searching.national_part("4471") == ""


def test_a_card_is_spelt_alike_by_scanner_and_person() -> None:
    assert searching.card_key("9826-0042 AB") == searching.card_key("98260042ab") == "98260042ab"


def test_the_search_text_has_a_space_before_each_word() -> None:
    text = searching.search_text(name="Siobhán O’Brien", email="So.B_7@Example.com")

    assert text == " siobhan o brien b 7 @example.com so.b_7@example.com"
    assert searching.search_text(name="", email="") == ""


def test_what_is_kept_of_a_record_has_an_end() -> None:
    name, email = "﷽" * 200, f"{'a.b' * 20}@{'x' * 60}.example.com"

    assert len(searching.search_text(name=name, email=email)) < 1_500
    assert searching.parse("w" * 200).words == ("w" * searching.WORD_CHARACTERS_MAX,)


@pytest.mark.parametrize("typed", ["7kq-4f2", "7KQ4F2", "7kq4f2"])
def test_a_code_is_read_with_or_without_its_dash(typed: str) -> None:
    assert searching.parse(typed).code == "7KQ4F2"


def test_letters_that_no_code_has_are_the_digits_they_look_like() -> None:
    assert searching.redemption_code("OIL-oil") == "011011"


@pytest.mark.parametrize("text", ["loy_01", "ptx_9", "rdm_abc", "cust_1", "prog_1", "rwd_1"])
def test_our_own_ids_are_known_by_their_prefix(text: str) -> None:
    assert searching.parse(f" {text} ").entity_id == text


@pytest.mark.parametrize("text", ["loy_", "xyz_01", "loy_01 x", "loy_%", "loy-01"])
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert searching.parse(text).entity_id == ""


def test_a_query_is_taken_apart() -> None:
    assert searching.parse("Smith, John; 4471").words == ("smith", "john", "4471")
    assert searching.parse("j.smith@Example.com").words == ("j.smith@example.com",)
    assert searching.parse("4471 ma").phone == ""
    assert searching.parse("+353 (87) 123-4471").phone == "871234471"
    assert searching.parse("9826 0042-11").words == ("9826004211",)
    assert searching.parse("()").words == ()
    assert len(searching.parse("a b c d e f g h i j").words) == searching.WORDS_MAX


@given(st.text())
def test_whatever_is_typed_can_be_asked_of_a_database(text: str) -> None:
    query = searching.parse(text)

    for part in (query.text, *query.words, query.phone, query.entity_id, query.code):
        assert "\x00" not in part
        part.encode()


@pytest.mark.parametrize(
    ("text", "typed", "marked"),
    [
        ("Nguyễn Thị Mai", "ma", ["Ma"]),
        ("Małgorzata", "mal", ["Mał"]),
        ("Groß", "ss", ["ß"]),
        ("Иван Иванов", "iva", ["Ива", "Ива"]),
        ("Jane Smithson", "j smi", ["J", "Smi"]),
        ("•• 4471", "4471 ma", ["4471"]),
        ("<b>Ma", "ma", ["Ma"]),
        ("Siobhán", "", []),
    ],
)
def test_the_letters_that_were_found_are_marked(text: str, typed: str, marked: list[str]) -> None:
    pieces = searching.mark(text, searching.parse(typed))

    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_hit in pieces if is_hit] == marked


KWAME = Customer(search_text=" kwame mensah", phone_digits="871234471", card_key="")


@pytest.mark.parametrize(
    "typed", ["4417 kw", "kwmae", "kwame mensha", "mnsah", "kwami", "kwame 4477", "mennsah"]
)
def test_a_slip_of_the_finger_is_near(typed: str) -> None:
    assert searching.closeness(searching.parse(typed), KWAME) > 0


@pytest.mark.parametrize("typed", ["4417 zo", "ingrid", "9902", "kwame zielinska"])
def test_somebody_else_is_not_near(typed: str) -> None:
    assert searching.closeness(searching.parse(typed), KWAME) == 0


def test_slips_of_a_number_are_swapped_or_mistyped_digits() -> None:
    assert "4417" in searching.slips("4471")
    assert "4477" in searching.slips("4471")
    assert "4471" not in searching.slips("4471")
    assert searching.slips("12345678") == sorted(
        ["21345678", "13245678", "12435678", "12354678", "12346578", "12345768", "12345687"]
    )


@pytest.mark.parametrize(
    ("text", "is_enough"),
    [
        ("4471", True),
        ("1234471", True),
        ("087 123 4471", True),
        ("+353 87 123 4471", True),
        ("61234471", False),
        ("7000123447", False),
        ("mensah", True),
    ],
)
def test_a_long_number_names_only_whose_whole_phone_number_it_is(
    text: str, is_enough: bool
) -> None:
    assert searching.is_enough_for("+353 87 123 4471", text=text) is is_enough
