"""How names, phones and emails are folded so that people find each other.

Both databases fold letters differently and SQLite only ASCII ones, so what is searched is folded
here: `Kovářová` and `Kovarova`, `Иванов` and `ivanov` are the same word. Transliteration is the
`anyascii` library's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Protocol

from anyascii import anyascii
from rapidfuzz.distance import DamerauLevenshtein

LAST_DIGITS = 4
"""People know the end of their phone number; the pages show no more of it than this."""

WORDS_MAX = 8
"""More words than this narrow nothing and only cost time."""

NAME_WORDS_MAX = 16
EMAIL_PARTS_MAX = 8
WORD_CHARACTERS_MAX = 40
"""What is longer than these is cut: a database's index takes no key of any length."""

CLOSE_ENOUGH = 0.6
"""How alike a typed word and a member's word must be: one wrong letter in three, or two swapped."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What PostgreSQL or UTF-8 cannot hold, so that no stored text has it."""

_WORD = re.compile(r"[a-z0-9]+")
_ID = re.compile(r"(loy|ptx|rdm|rwd|cust|prog)_[0-9A-Za-z]+$")
_CODE = re.compile(r"[0-9A-Za-z]{3}-?[0-9A-Za-z]{3}$")


def fold(text: str) -> str:
    """Give the text in lower-case ASCII letters."""
    return anyascii(text).lower()


def email_key(email: str) -> str:
    """Give the form in which two spellings of one email are equal."""
    return email.strip().casefold()


def phone_digits(phone: str) -> str:
    """Give a phone number's digits as they are dialled at home: no country code, no trunk zero."""
    folded = fold(phone.replace("(0)", "")).strip(" (")
    digits = "".join(character for character in folded if character.isdigit())
    if folded.startswith("+") or digits.startswith("00"):
        return _without_country(digits.removeprefix("00")).lstrip("0")
    return digits.lstrip("0")


def phone_reversed(phone: str) -> str:
    """Give `phone_digits` from the last to the first: who knows a number's end finds it by this."""
    return phone_digits(phone)[::-1]


def _without_country(digits: str) -> str:
    found = _COUNTRY_CODE.match(digits)
    return digits[found.end() :] if found else digits


_COUNTRY_CODE = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3}", re.ASCII
)
"""ITU-T E.164: the codes of one and of two digits; all others have three."""


NATIONAL_DIGITS = 7
"""The shortest numbers without a country prefix that are still one person's."""


def national_part(phone: str) -> str:
    """Give the last digits by which two spellings of one phone number meet, or ''."""
    digits = phone_digits(phone)
    return digits[-NATIONAL_DIGITS:] if len(digits) >= NATIONAL_DIGITS else ""


def phone_end_key(digits: str) -> str:
    """Return the beginning of `phone_reversed` by which a typed number finds a phone number.

    Either may have a country code more, so that only the last digits have to meet.
    """
    return digits[-NATIONAL_DIGITS:][::-1]


def card_key(card_number: str) -> str:
    """Give a card number as a scanner and a person spell it alike."""
    return "".join(_WORD.findall(fold(card_number)))


def name_words(name: str) -> tuple[str, ...]:
    """Give a name's folded words, each once and not too long."""
    return _short(_WORD.findall(fold(name)), NAME_WORDS_MAX)


def search_words(*, name: str, email: str) -> tuple[str, ...]:
    """Give the words by whose beginnings a person is found.

    They are those of the name, those of the email's part before the @ but the first, and its domain
    with the @. What begins the email is found by `email_key`, and numbers by keys of their own.
    """
    local, at, domain = email_key(email).partition("@")
    parts = _WORD.findall(fold(local))
    known = name_words(name)
    more = [part for part in parts if part not in known and not local.startswith(part)]
    return (*known, *_short(more, EMAIL_PARTS_MAX), *([at + domain] if domain else []))


def search_text(*, name: str, email: str) -> str:
    """Give the words and the whole email in one line, with a space before each."""
    parts = [*search_words(name=name, email=email), email_key(email)]
    return "".join(f" {part}" for part in parts if part)


def _short(words: Iterable[str], most: int) -> tuple[str, ...]:
    cut = (word[:WORD_CHARACTERS_MAX] for word in words)
    return tuple(islice(dict.fromkeys(cut), most))


def redemption_code(text: str) -> str:
    """Give a redemption code as it is stored: `7kq-4f2` is `7KQ4F2`, and O, I and L are digits.

    Crockford's base 32 has no such letters, so who reads them misreads 0 and 1.
    """
    code = "".join(_WORD.findall(fold(text))).upper()
    return code.translate(str.maketrans("OIL", "011"))


@dataclass(frozen=True)
class Query:
    """What was typed, taken apart.

    Attributes:
        text: the typed text without outer spaces.
        words: folded parts that must all be found, at most `WORDS_MAX`; a number is one of them.
        phone: the digits of the whole text if it may be a phone number, else "".
        entity_id: the text if it is one of our ids, else "".
        code: the text as a redemption code without its dash, else "".
    """

    text: str
    words: tuple[str, ...]
    phone: str
    entity_id: str
    code: str

    def number_keys(self, word: str) -> dict[str, str]:
        """Return the beginnings that a typed number is of a record's numbers, by their attribute.

        A zero before the end of a phone number belongs to it: nobody says a trunk zero there.
        """
        if not word.isdigit():
            return {}
        phone = self.phone or word.lstrip("0")
        return {
            **({"phone_reversed": phone_end_key(word)} if len(word) >= LAST_DIGITS else {}),
            **({"phone_digits": phone} if len(phone) >= LAST_DIGITS else {}),
            "card_key": word,
        }

    def is_phone_end(self, word: str) -> bool:
        """Return whether a typed word may be the end of a phone number."""
        return "phone_reversed" in self.number_keys(word)


def parse(text: str) -> Query:
    """Take a typed search apart."""
    text = _UNSTORABLE.sub("\ufffd", text).strip()[:200]
    is_number = bool(re.fullmatch(r"[+\d\s()./-]+", text, re.ASCII))
    return Query(
        text=text,
        words=tuple(filter(None, [card_key(text)])) if is_number else _words(text),
        phone=phone_digits(text) if is_number else "",
        entity_id=text if _ID.fullmatch(text) else "",
        code=redemption_code(text) if _CODE.fullmatch(text) else "",
    )


def is_enough_for(phone: str, *, text: str) -> bool:
    """Return whether a typed text names the only member who matches it, who has this phone.

    A number longer than the end of a phone number may be a card that nobody has. It names only the
    member whose whole phone number it is.
    """
    typed = parse(text).phone
    return len(typed) <= NATIONAL_DIGITS or typed == phone_digits(phone)


class Record(Protocol):
    """What of a customer a search looks at."""

    search_text: str
    phone_digits: str
    phone_reversed: str
    card_key: str


def begins(query: Query, word: str, record: Record) -> bool:
    """Return whether a word begins a word or a number of a record, or ends its phone number."""
    numbers = query.number_keys(word).items()
    return f" {word}" in record.search_text or any(
        getattr(record, name).startswith(key) for name, key in numbers
    )


def rank(query: Query, record: Record) -> int:
    """Rank a match: 0 the whole phone number, 1 its end, 2 beginnings, 3 letters inside a word."""
    if query.phone and query.phone == record.phone_digits:
        return 0
    ends = (phone_end_key(word) for word in query.words if query.is_phone_end(word))
    if any(record.phone_reversed.startswith(end) for end in ends):
        return 1
    return 2 if all(begins(query, word, record) for word in query.words) else 3


def mark(text: str, query: Query) -> list[tuple[str, bool]]:
    """Cut a member's text into pieces, each with whether the search was found there.

    The letters are compared folded, so that `kov` marks `Kov` of `Ковалёва` as well.
    """
    folded, origins = _fold_with_origins(text)
    marked = [False] * len(text)
    for word in query.words:
        pattern = rf"(?<![a-z0-9]){word}" if len(word) == 1 else re.escape(word)
        for match in re.finditer(pattern, folded):
            for index in range(*match.span()):
                marked[origins[index]] = True
    pieces = groupby(zip(text, marked, strict=True), key=itemgetter(1))
    return [("".join(letter for letter, _ in group), is_hit) for is_hit, group in pieces]


def _fold_with_origins(text: str) -> tuple[str, list[int]]:
    """Fold a text, and say of each folded letter which of the text's letters it comes from."""
    folded, origins = "", []
    for index, letter in enumerate(text):
        ascii_letters = fold(letter)
        folded += ascii_letters
        origins += [index] * len(ascii_letters)
    return folded, origins


def closeness(query: Query, record: Record) -> float:
    """Say how near a record comes to what was typed: 0 not at all, 1 all of it.

    Every word has to be near one of the record's; the end of a phone number counts as a word.
    """
    known = [*record.search_text.split(), record.phone_digits, record.card_key]
    scores = [max(likeness(word, each) for each in known) for word in query.words]
    if not scores or min(scores) < CLOSE_ENOUGH:
        return 0.0
    return sum(scores) / len(scores)


def likeness(word: str, known: str) -> float:
    """Say how alike a typed word and a word of a record are, from 0 to 1."""
    if word.isdigit():
        # People know a number's end, and mix its digits up.
        return DamerauLevenshtein.normalized_similarity(word, known[-len(word) :])
    # What is typed may be the beginning of a word, with a letter too many or too few.
    starts = {known, known[: len(word)], known[: len(word) + 1]}
    return max(DamerauLevenshtein.normalized_similarity(word, start) for start in starts)


def slips(digits: str) -> list[str]:
    """Give the numbers that a slip makes of one: two digits swapped, or one of a few mistyped."""
    swapped = [
        digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        for at in range(len(digits) - 1)
    ]
    mistyped = (
        [
            digits[:at] + other + digits[at + 1 :]
            for at in range(len(digits))
            for other in "0123456789"
        ]
        if len(digits) <= MISTYPED_DIGITS_MAX
        else []
    )
    return sorted({*swapped, *mistyped} - {digits})


MISTYPED_DIGITS_MAX = 6
"""A longer number has too many neighbours to look for each."""


def _words(text: str) -> tuple[str, ...]:
    # Part of an email keeps its dots and its at sign, so that "smith@ex" is one word.
    words = [
        word
        for piece in re.split(r"[\s,;]+", text)
        for word in (
            [email_key(piece)]
            if "@" in piece
            else (each[:WORD_CHARACTERS_MAX] for each in _WORD.findall(fold(piece)))
        )
    ]
    return tuple(words[:WORDS_MAX])
