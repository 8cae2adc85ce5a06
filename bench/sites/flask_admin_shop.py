"""Flask-Admin on the tables of Regulars, as its documentation sets it up; nobody signs in."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import joinedload
from werkzeug.test import Client

from app.models import registry  # noqa: F401 - importing it registers all tables
from app.models.ledger import LedgerEntry
from app.models.members import Customer, Member
from app.models.redemptions import Redemption
from bench.sites.serving import Order, serve


class _View(ModelView):
    """A table's pages, of one workspace, so that the indexes serve them."""

    can_view_details = True
    can_create = can_edit = False
    loaded: tuple[Any, ...] = ()
    """What is read together with a row."""

    def __init__(self, model: Any, database: Any, order: Order) -> None:
        self._workspace_id = order.workspace_id
        self.simple_list_pager = not order.counts
        self.page_size = order.activity_rows if model is LedgerEntry else order.page_rows
        super().__init__(model, database)

    def get_query(self) -> Any:
        """Give the statement of a list."""
        mine = self.model.workspace_id == self._workspace_id
        return super().get_query().filter(mine).options(*self.loaded)

    def get_count_query(self) -> Any:
        """Give the statement that counts a list."""
        return super().get_count_query().filter(self.model.workspace_id == self._workspace_id)

    def get_one(self, id: str) -> Any:  # noqa: A002 - as Flask-Admin calls it
        """Give one row, whose id Flask-Admin writes as `workspace,id`."""
        return self.get_query().filter(self.model.id == id.partition(",")[2]).one()


class _MemberView(_View):
    column_list = (
        *("customer.name", "customer.email", "customer.phone"),
        *("balance", "tier", "last_seen_at"),
    )
    column_details_list = (
        *("customer.name", "customer.email", "customer.phone", "customer.card_number"),
        *("id", "status", "balance", "lifetime_points", "qualifying_points", "tier"),
        *("entry_count", "last_seen_at", "last_visit_at", "created_at"),
    )
    column_searchable_list = (
        *(Customer.name, Customer.email, Customer.phone, Customer.card_number),
    )
    column_default_sort: ClassVar = [("last_seen_at", True), ("id", True)]
    loaded = (joinedload(Member.customer),)


class _RedemptionView(_View):
    column_list = (
        *("created_at", "code", "reward.name", "member.customer.name"),
        *("points_spent", "status"),
    )
    column_searchable_list = ("code",)
    column_default_sort = ("id", True)
    loaded = (
        joinedload(Redemption.reward),
        joinedload(Redemption.member).joinedload(Member.customer),
    )


class _EntryView(_View):
    column_list = ("recorded_at", "member.customer.name", "kind", "points", "reason")
    column_default_sort: ClassVar = [("recorded_at", True), ("id", True)]
    loaded = (joinedload(LedgerEntry.member).joinedload(Member.customer),)


def open_site(order: Order) -> Client:
    """Build the app."""
    app = Flask(__name__)
    app.secret_key = "no secret"  # noqa: S105 - nobody signs in
    app.config["SQLALCHEMY_DATABASE_URI"] = order.url
    database = SQLAlchemy(app)
    admin = Admin(app, name="Shop")
    for view, model in (
        (_MemberView, Member),
        (_RedemptionView, Redemption),
        (_EntryView, LedgerEntry),
    ):
        admin.add_view(view(model, database, order))
    return Client(app)


if __name__ == "__main__":
    serve(open_site)
