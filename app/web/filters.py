"""How pages write numbers, money, dates and people."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import ua_parser
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_symbol
from flask import Flask
from markupsafe import Markup, escape

from app import clock, errors
from app.http.actors import find_signed_in
from app.rules import money as money_rules
from app.rules import searching

MINUS = "\N{MINUS SIGN}"
LOCALE = Locale("en", "IE")
AVATAR_COLOURS = 5

_JSON_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\]|\\.)*")(?P<colon>:)?|(?P<other>-?\d[\d.eE+-]*|true|false|null)'
)

_SHORT = {
    errors.AccountNegative: "points owed first",
    errors.RewardOutOfStock: "none left",
    errors.RewardLimitReached: "had it already",
    errors.MemberClosed: "membership closed",
}


def install(app: Flask) -> None:
    """Make the filters known to the templates."""
    numbers: tuple[Callable[..., str], ...] = (number, signed, counted, money)
    times: tuple[Callable[..., str], ...] = (
        iso_day,
        day,
        last_day,
        long_day,
        clock_time,
        clock_today,
        instant,
    )
    people: tuple[Callable[..., str], ...] = (initials, avatar_class, last_digits, hits)
    words: tuple[Callable[..., str], ...] = (short_refusal, sentence, browser, json_lines)
    for each in (*numbers, *times, *people, *words):
        app.add_template_filter(each)
    app.add_template_global(icon)
    app.add_template_global(currency_symbol)
    app.add_template_global(time_zone)
    app.add_template_global(one_unit)


def number(value: int) -> str:
    """Write a whole number with a real minus and thousands."""
    return f"{value:,}".replace("-", MINUS)


def counted(value: int, word: str, write: Callable[[int], str] = number) -> str:
    """Write how many of something there are: 1 point, 1,250 points."""
    return f"{write(value)} {word}" + ("" if value == 1 else "s")


def signed(value: int) -> str:
    """Write points of a ledger: the sign is always on."""
    return f"+{value:,}" if value > 0 else number(value)


def money(minor_units: int) -> str:
    """Write money of the merchant's currency."""
    code = _currency()
    amount = minor_units / 10 ** money_rules.digits(code)
    return str(format_currency(amount, code, locale=LOCALE)).replace("-", MINUS)


def one_unit() -> int:
    """Give one whole unit of the merchant's currency in minor units: 100 for EUR, 1 for JPY."""
    return int(10 ** money_rules.digits(_currency()))


def currency_symbol() -> str:
    """Give the sign of the merchant's currency."""
    return str(get_currency_symbol(_currency(), locale=LOCALE))


def time_zone() -> str:
    """Give the name of the merchant's time zone."""
    person = find_signed_in()
    return person.merchant.time_zone if person else "UTC"


def local(moment: datetime) -> datetime:
    """Give a moment in the merchant's time zone."""
    return moment.astimezone(ZoneInfo(time_zone()))


def iso_day(moment: datetime) -> str:
    """Write a day as tables do: 2026-03-12."""
    return local(moment).strftime("%Y-%m-%d")


def day(moment: datetime) -> str:
    """Write a day as badges do: 9 Mar, and with its year if that is another than this one."""
    is_this_year = local(moment).year == local(clock.now()).year
    return _date(moment, "d MMM" if is_this_year else "d MMM y")


def last_day(end: datetime) -> str:
    """Write the last day of a time that ends at a moment: 31 Mar for midnight of 1 April."""
    return day(end - timedelta(microseconds=1))


def long_day(moment: datetime) -> str:
    """Write a day as headings do: Thursday 12 March 2026."""
    return _date(moment, "EEEE d MMMM y")


def clock_today(moment: datetime) -> str:
    """Write when something of these hours was: its time today, else its day."""
    is_today = local(moment).date() == local(clock.now()).date()
    return clock_time(moment) if is_today else day(moment)


def clock_time(moment: datetime) -> str:
    """Write a time of day: 14:08."""
    return local(moment).strftime("%H:%M")


def instant(moment: datetime) -> str:
    """Write a moment for machines, as `<time datetime>` wants it."""
    return local(moment).isoformat(timespec="seconds")


def last_digits(phone: str) -> str:
    """Write a phone number as the pages show it: •• 4471."""
    digits = "".join(character for character in phone if character.isdigit())
    return f"•• {digits[-4:]}" if digits else ""


def short_refusal(refusal: errors.Refused) -> str:
    """Say in a few words why a reward is out of reach."""
    if isinstance(refusal, errors.InsufficientPoints):
        return f"short by {refusal.short_points:,}"
    if isinstance(refusal, errors.RewardNotAvailable):
        return refusal.short
    return _SHORT.get(type(refusal), refusal.message)


def browser(agent: str) -> str:
    """Name the browser and system that a request told of: Firefox on Windows."""
    known = ua_parser.parse(agent)
    names = [part.family for part in (known.user_agent, known.os) if part is not None]
    return " on ".join(names) or "A browser"


def sentence(text: str) -> str:
    """Begin a text with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]


def initials(name: str) -> str:
    """Give the first letters of the first and the last word."""
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "?"
    ends = words if len(words) == 1 else (words[0], words[-1])
    return "".join(word[0] for word in ends).upper()


def hits(text: str, typed: str) -> Markup:
    """Mark the letters of a member's text in which a search was found."""
    if not typed:
        return escape(text)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(piece) if is_hit else piece
        for piece, is_hit in searching.mark(text, searching.parse(typed))
    )


def json_lines(value: object) -> Markup:
    """Write JSON for people: indented, with names, texts and other values told apart."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    pieces, at = [], 0
    for found in _JSON_TOKEN.finditer(text):
        kind = "v" if found["other"] else "k" if found["colon"] else "s"
        pieces += [
            escape(text[at : found.start()]),
            Markup('<span class="{}">{}</span>').format(kind, found["text"] or found["other"]),
            found["colon"] or "",
        ]
        at = found.end()
    return Markup("").join([*pieces, escape(text[at:])])


def avatar_class(key: str) -> str:
    """Give the colour that one id always has."""
    return ("av-0", "av-1", "av-2", "av-3", "av-4")[zlib.crc32(key.encode()) % AVATAR_COLOURS]


@cache
def icon(name: str, classes: str = "") -> Markup:
    """Draw one icon of the sprite; the word beside it says what it means."""
    return Markup(
        '<svg class="icon {}" aria-hidden="true" focusable="false">'
        '<use href="/static/vendor/icons.svg#{}"></use></svg>'
    ).format(classes, name)


def _currency() -> str:
    person = find_signed_in()
    return person.merchant.currency if person else "EUR"


def _date(moment: datetime, pattern: str) -> str:
    return str(format_date(local(moment).date(), pattern, locale=LOCALE))
