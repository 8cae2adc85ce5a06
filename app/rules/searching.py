"""How names, phones and emails are folded so that people find each other.

Both databases fold letters differently and SQLite only ASCII ones, so what is searched is folded
here: `Kovářová` and `Kovarova`, `Иванов` and `ivanov` are the same word. Transliteration is the
`anyascii` library's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from anyascii import anyascii
from rapidfuzz.distance import DamerauLevenshtein

LAST_DIGITS = 4
"""People know the end of their phone number; the pages show no more of it than this."""

WORDS_MAX = 8
"""More words than this narrow nothing and only cost time."""

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
    """Give a phone number's digits without its trunk zero or international prefix."""
    digits = "".join(_WORD.findall(fold(phone.replace("(0)", ""))))
    digits = "".join(character for character in digits if character.isdigit())
    return digits.removeprefix("00").lstrip("0")


def same_phone(one: str, other: str) -> bool:
    """Say whether two spellings are one number: one may lack the country's prefix."""
    short, long = sorted((phone_digits(one), phone_digits(other)), key=len)
    return len(short) >= _NATIONAL_DIGITS and long.endswith(short)


_NATIONAL_DIGITS = 7
"""The shortest numbers without a country prefix that are still one person's."""


def national_part(phone: str) -> str:
    """Give the last digits by which two spellings of one phone number meet, or ''."""
    digits = phone_digits(phone)
    return digits[-_NATIONAL_DIGITS:] if len(digits) >= _NATIONAL_DIGITS else ""


def card_key(card_number: str) -> str:
    """Give a card number as a scanner and a person spell it alike."""
    return "".join(_WORD.findall(fold(card_number)))


def search_text(*, name: str, email: str, phone: str, card_number: str) -> str:
    """Make what a search looks in: words with a space before each, email and numbers whole."""
    words = _WORD.findall(fold(name))
    parts = [*words, email_key(email), phone_digits(phone), card_key(card_number)]
    return "".join(f" {part}" for part in parts if part)


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
        words: folded parts that must all be found, at most `WORDS_MAX`.
        phone: the digits of the whole text if it may be a phone number, else "".
        entity_id: the text if it is one of our ids, else "".
        code: the text as a redemption code without its dash, else "".
    """

    text: str
    words: tuple[str, ...]
    phone: str
    entity_id: str
    code: str


def parse(text: str) -> Query:
    """Take a typed search apart."""
    text = _UNSTORABLE.sub("\ufffd", text).strip()[:200]
    is_phone = bool(re.fullmatch(r"[+\d\s()./-]+", text))
    return Query(
        text=text,
        words=tuple(_words(text))[:WORDS_MAX],
        phone=phone_digits(text) if is_phone else "",
        entity_id=text if _ID.fullmatch(text) else "",
        code=redemption_code(text) if _CODE.fullmatch(text) else "",
    )


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


def closeness(query: Query, searched: str) -> float:
    """Say how near a member's search text comes to what was typed: 0 not at all, 1 all of it.

    Every word has to be near one of the member's; the end of a phone number counts as a word.
    """
    known = searched.split()
    scores = [max((_likeness(word, each) for each in known), default=0.0) for word in query.words]
    if not scores or min(scores) < CLOSE_ENOUGH:
        return 0.0
    return sum(scores) / len(scores)


def _likeness(word: str, known: str) -> float:
    if word.isdigit():
        # People know a number's end, and mix its digits up.
        return DamerauLevenshtein.normalized_similarity(word, known[-len(word) :])
    # What is typed may be the beginning of a word, with a letter too many or too few.
    starts = {known, known[: len(word)], known[: len(word) + 1]}
    return max(DamerauLevenshtein.normalized_similarity(word, start) for start in starts)


def fragments(query: Query) -> list[str]:
    """Give pieces of the typed words of which a near match has one at least."""
    pieces: list[str] = []
    for word in query.words:
        if word.isdigit():
            pieces += [word[:2], word[-2:]] if len(word) >= LAST_DIGITS else []
        elif len(word) > _SHORT_WORD:
            pieces += [f" {word[:2]}", word[-3:]]
        else:
            pieces.append(f" {word}")
    return pieces


_SHORT_WORD = 3


def _words(text: str) -> list[str]:
    # Part of an email keeps its dots and its at sign, so that "smith@ex" is one word.
    return [
        word
        for piece in re.split(r"[\s,;]+", text)
        for word in ([email_key(piece)] if "@" in piece else _WORD.findall(fold(piece)))
    ]
