"""The counter among 100,000 members: the server's share of a scan and of the digit after it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from app import clock
from app.db.database import Database
from app.factory import create_app
from app.ids import new_id, new_token
from app.models.members import Customer, Member
from app.services.members import customers
from app.services.members.customers import Person
from bench import databases
from bench.measuring import Figures, side_by_side, table
from bench.services import award
from tests import factories
from tests.cast import Cast
from tests.support.pages import Visitor
from tests.support.settings import make_settings

MEMBERS = 100_000
WHO_REDEEM = 200
AT_ONCE = 2_000
ROUNDS = 4
TIMES = 50
BUDGET_MILLISECONDS = 50

GIVEN_NAMES = ("Hana", "Ngozi", "Rosa", "Theo", "Aisha", "Mateo", "Linh", "Sven", "Priya", "Owen")
FAMILY_NAMES = ("Kovářová", "Okafor", "Lima", "Byrne", "Bello", "Silva", "Tran", "Berg", "Nair")


def run() -> str:
    """Measure on each kind of database and give the report's section."""
    parts = [
        f"## The counter, one till, {MEMBERS:,} members",
        "",
        "In the server's own process: from the request to the whole answer, pages included.",
        "`digit` is the redemption and the slip that follows it; its budget is a p95 under "
        f"{BUDGET_MILLISECONDS} ms.",
        "",
    ]
    for kind in databases.KINDS:
        with databases.new(kind) as database, tempfile.TemporaryDirectory() as folder:
            found = _measure(database, Path(folder))
        kept = "kept" if found["digit"].percentile(95) < BUDGET_MILLISECONDS else "missed"
        parts += [f"### {kind}", "", table(list(found.values())), "", f"The budget is {kept}.", ""]
    return "\n".join(parts)


def _measure(database: Database, folder: Path) -> dict[str, Figures]:
    cast = factories.make_cast(database)
    _fill(cast)
    reward = factories.make_reward(cast, points_cost=1, counter_key=3)
    regulars = [
        factories.enrol(cast, f"Regular {number}", card_number=f"77-{number:06d}")
        for number in range(WHO_REDEEM)
    ]
    for member in regulars:
        award(cast, member.id, 1000, f"first {member.id}")
    app = create_app(make_settings(database, folder), database)
    till = Visitor(app).sign_in("cashier")
    form = till.get(f"/counter?member={regulars[0].id}").fields(
        f"/counter/members/{regulars[0].id}/redeem"
    )
    numbers = {name: count() for name in ("scan", "digit")}

    def scan() -> None:
        number = next(numbers["scan"]) % WHO_REDEEM
        _ask(till, "get", f"/counter?q=77-{number:06d}")

    def digit() -> None:
        member = regulars[next(numbers["digit"]) % WHO_REDEEM]
        values = {**form, "once": new_token(), "offer": f"{reward.id} 1"}
        _ask(till, "post", f"/counter/members/{member.id}/redeem", data=values)

    def name() -> None:
        _ask(till, "get", "/counter/find?q=hana+kov")

    acts: dict[str, Callable[[], object]] = {"scan": scan, "digit": digit, "name": name}
    return side_by_side(acts, rounds=ROUNDS, times=TIMES)


def _ask(till: Visitor, verb: str, path: str, **more: Any) -> None:
    """Ask as htmx does, which goes where it is sent."""
    headers = {"HX-Request": "true", "HX-Target": "counter-stage"}
    answer = getattr(till.client, verb)(path, headers=headers, follow_redirects=True, **more)
    if answer.status_code != 200:  # noqa: PLR2004 - nothing else is measured
        raise RuntimeError(f"{path}: {answer.status}")


def _fill(cast: Cast) -> None:
    """Make a shop's worth of members, without the history that enrolling each would write."""
    like = factories.enrol(cast, "Somebody")
    now = clock.now()
    rows = []
    for number in range(MEMBERS):
        given = GIVEN_NAMES[number % len(GIVEN_NAMES)]
        family = FAMILY_NAMES[number // 7 % len(FAMILY_NAMES)]
        person = Person(
            name=f"{given} {family} {number}",
            email=f"member.{number}@example.com",
            phone=f"+353 87 {number:07d}",
            card_number=f"10-{number:06d}",
        )
        customer = Customer(workspace_id=cast.workspace_id, id=new_id("cust"), created_at=now)
        customers.fill(customer, person)
        rows.append(customer)
    with cast.database.writing() as session:
        for first in range(0, MEMBERS, AT_ONCE):
            _insert(session, rows[first : first + AT_ONCE], like)
    with cast.database.engine.connect() as connection:
        connection.execute(text("ANALYZE"))


def _insert(session: Session, people: Sequence[Customer], like: Member) -> None:
    names = [each.key for each in Customer.__mapper__.column_attrs if each.key != "metadata_"]
    session.execute(
        insert(Customer),
        [{**{name: getattr(each, name) for name in names}, "metadata_": {}} for each in people],
    )
    kept = {
        each.key: getattr(like, each.key)
        for each in Member.__mapper__.column_attrs
        if each.key not in {"id", "customer_id"}
    }
    session.execute(
        insert(Member),
        [{**kept, "id": new_id("loy"), "customer_id": each.id} for each in people],
    )
