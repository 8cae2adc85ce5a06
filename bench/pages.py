"""The staff's pages in a small and in a large workspace of one database: what the database does.

The time is what the driver spends on a page's statements, fetching included, when what they read
is in memory. `flat` is how many times the small workspace's p95 the large one's is.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import event, select

from app.db.database import Database
from app.factory import create_app
from app.models.members import Customer, Member
from app.services.ledger import verify as ledger_verify
from bench import databases, shops
from bench.shops import LARGE, SMALL, Filled
from tests.support.settings import make_settings

TIMES = 40
BUDGET_MILLISECONDS = 10
FLAT_MOST = 1.5


class Spent:
    """The seconds that the driver has worked since the last look."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def take(self) -> float:
        """Give them, and begin anew."""
        taken, self.seconds = self.seconds, 0.0
        return taken


def run() -> str:
    """Measure on each kind of database and give the report's section."""
    parts = [
        f"## Pages, {SMALL[0]:,} and {LARGE[0]:,} members",
        "",
        f"Milliseconds of database work; the budget is {BUDGET_MILLISECONDS} at p95, and "
        f"{FLAT_MOST} times the small workspace's. Each page was asked for {TIMES} times before, "
        "with the same members and words, so that nothing waits for the disk.",
        "",
    ]
    for kind in databases.KINDS:
        with shops.opened(kind) as database, tempfile.TemporaryDirectory() as folder:
            parts += [f"### {kind}", "", *_measure(database, Path(folder)), ""]
    return "\n".join(parts)


def _measure(database: Database, folder: Path) -> list[str]:
    spent = _watch(database)
    app = create_app(make_settings(database, folder), database)
    pair = [_Shop(database, shops.find_or_fill(database, each)) for each in (SMALL, LARGE)]
    clients = [shops.sign_in(app, shop.workspace_id) for shop in pair]
    made = pair[1]
    told = "were there."
    if made.seconds:
        told = (
            f"were made in {made.seconds:,.0f} s, and `ledger verify` read them in "
            f"{made.verify():,.0f} s."
        )
    lines = [
        f"{LARGE[0]:,} members with {LARGE[1]:,} entries {told}",
        "",
        f"| page | p50 of {SMALL[0]:,} | p95 | p50 of {LARGE[0]:,} | p95 | flat |",
        "| --- " + "| ---: " * 5 + "|",
    ]
    for name in pair[0].pages:
        times: list[list[float]] = [[], []]
        # All is asked for twice, and the second time measured: the first fetches it from the disk.
        for turn in range(2 * TIMES):
            for shop, client, into in zip(pair, clients, times, strict=True):
                path = shop.pages[name](turn % TIMES)
                spent.take()
                answer = client.get(path, follow_redirects=True)
                if answer.status_code != 200:  # noqa: PLR2004 - nothing else is measured
                    raise RuntimeError(f"{path}: {answer.status}")
                if turn >= TIMES:
                    into.append(spent.take() * 1000)
        small, large = (sorted(each) for each in times)
        p95 = [each[len(each) * 95 // 100] for each in (small, large)]
        lines.append(
            f"| {name} | {small[TIMES // 2]:.2f} | {p95[0]:.2f} | {large[TIMES // 2]:.2f} "
            f"| {p95[1]:.2f} | {p95[1] / p95[0]:.2f} |"
        )
    return lines


class _Shop:
    """A filled workspace, and the addresses of its pages."""

    def __init__(self, database: Database, filled: Filled) -> None:
        self._database = database
        self.workspace_id = filled.workspace_id
        self.seconds = filled.seconds
        self._people = self._sample()
        self.pages: dict[str, Callable[[int], str]] = {
            "Today": lambda _turn: "/",
            "activity": lambda _turn: "/activity",
            "members": lambda _turn: "/members",
            "members, gold": lambda _turn: "/members?tier=gold",
            "members, below zero": lambda _turn: "/members?below_zero=1",
            "search, one word": self._searching(lambda person: person["words"][-1]),
            "search, two words": self._searching(lambda person: " ".join(person["words"][:2])),
            "search, the beginning": self._searching(lambda person: person["words"][0][:3]),
            "search, last four digits": self._searching(lambda person: person["phone"][-4:]),
            "search, phone": self._searching(lambda person: person["phone"]),
            "search, inside a word": self._searching(lambda person: person["words"][-1][1:]),
            "search, one letter": self._searching(lambda person: person["words"][0][:1]),
            "search, two parts": self._searching(
                lambda person: f"{person['phone'][-4:]} {person['words'][0][:2]}"
            ),
            "search, email": self._searching(lambda person: person["email"]),
            "search, misspelt": self._searching(lambda person: person["words"][-1][:-2] + "xq"),
            "search, below zero": lambda turn: (
                f"/members?q={self._person(turn)['words'][0][:1]}&below_zero=1"
            ),
            "search, gold": lambda turn: (
                f"/members?q={self._person(turn)['words'][0][:2]}&tier=gold"
            ),
            "search, nobody": lambda turn: f"/members?q=zzqx{turn}",
            "member": lambda turn: f"/members/{self._person(turn)['id']}",
            "ledger, deep": lambda turn: (
                f"/members/{self._person(turn)['id']}/ledger?before={self._person(turn)['middle']}"
            ),
            "ledger, since a day": lambda turn: (
                f"/members/{self._person(turn)['id']}?since=2025-01-01"
            ),
            "rewards": lambda _turn: "/rewards",
            "a reward's preview": lambda _turn: "/rewards/preview?points_cost=500",
            "programs": lambda _turn: "/programs",
            "redemptions": lambda _turn: "/redemptions",
            "redemptions, to hand over": lambda _turn: "/redemptions?status=confirmed",
            "audit": lambda _turn: "/audit",
            "audit, one act": lambda _turn: "/audit?act=ledger.award",
            "audit, one act by nobody": lambda _turn: "/audit?act=ledger.award&who=stf_0",
        }

    def verify(self) -> float:
        """Verify the ledgers and give the seconds that it took."""
        began = time.perf_counter()
        with self._database.reading() as session:
            report = ledger_verify.verify_workspace(session, workspace_id=self.workspace_id)
        if report.fault:
            raise RuntimeError(report.fault)
        return time.perf_counter() - began

    def _searching(self, word: Callable[[dict[str, Any]], str]) -> Callable[[int], str]:
        return lambda turn: f"/members?q={word(self._person(turn))}"

    def _person(self, turn: int) -> dict[str, Any]:
        return self._people[turn % len(self._people)]

    def _sample(self) -> list[dict[str, Any]]:
        """Give members from all over the workspace, with what one might type to find them."""
        with self._database.reading() as session:
            ids = session.scalars(
                select(Member.id).where(Member.workspace_id == self.workspace_id)
            ).all()
            chosen = ids[:: max(1, len(ids) // TIMES)]
            rows = session.execute(
                select(
                    Member.id,
                    Member.entry_count,
                    Customer.search_text,
                    Customer.phone_digits,
                    Customer.email_key,
                )
                .join(Member.customer)
                .where(Member.workspace_id == self.workspace_id, Member.id.in_(chosen))
            )
            return [
                {
                    "id": member_id,
                    "middle": max(2, count // 2),
                    "words": (words := [w for w in text.split() if w.isalpha()] or ["emma"]),
                    "phone": phone or "12345",
                    "email": email or words[0],
                }
                for member_id, count, text, phone, email in rows
            ]


def _watch(database: Database) -> Spent:
    """Measure what the driver of this database works."""
    spent = Spent()
    if database.is_sqlite:
        connection_class = _timed_sqlite(spent)

        def connect(_dialect: Any, _record: Any, words: Any, named: Any) -> sqlite3.Connection:
            return sqlite3.connect(*words, factory=connection_class, **named)

        event.listen(database.engine, "do_connect", connect)
        database.engine.dispose()
        return spent

    def before(*_told: Any) -> None:
        spent.seconds -= time.perf_counter()

    def after(*_told: Any) -> None:
        spent.seconds += time.perf_counter()

    event.listen(database.engine, "before_cursor_execute", before)
    event.listen(database.engine, "after_cursor_execute", after)
    return spent


def _timed_sqlite(spent: Spent) -> type[sqlite3.Connection]:
    """Give a connection whose cursors measure themselves: SQLite works while rows are fetched."""

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*words: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return method(*words, **named)
            finally:
                spent.seconds += time.perf_counter() - began

        return measured

    class TimedCursor(sqlite3.Cursor):
        execute = timed(sqlite3.Cursor.execute)
        fetchone = timed(sqlite3.Cursor.fetchone)
        fetchmany = timed(sqlite3.Cursor.fetchmany)
        fetchall = timed(sqlite3.Cursor.fetchall)

    class TimedConnection(sqlite3.Connection):
        def cursor(self, *_words: Any, **_named: Any) -> Any:
            return super().cursor(TimedCursor)

    return TimedConnection
