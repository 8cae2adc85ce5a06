"""The Python client against a served shop: the guide, retries, lists, errors, webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import regulars
from flask import Flask
from pydantic import BaseModel
from regulars import Regulars, objects

from app.api import schemas
from app.db.database import Database
from app.factory import create_app
from tests import factories
from tests.cast import Cast
from tests.support.api import make_secret
from tests.support.serving import served
from tests.support.settings import make_settings
from tests.support.shops import shop_in


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop."""
    return shop_in(sqlite)


@pytest.fixture
def address(cast: Cast, tmp_path: Path) -> Iterator[str]:
    """Serve the shop and give the address."""
    app: Flask = create_app(make_settings(cast.database, tmp_path), cast.database)
    with served(app) as found:
        yield found


@pytest.fixture
def client(cast: Cast, address: str) -> Iterator[Regulars]:
    """Give a client of the sandbox."""
    with Regulars(make_secret(cast), base_url=address) as found:
        yield found


class Unlucky(httpx.HTTPTransport):
    """Loses the first answers on their way back, or answers that it is busy."""

    def __init__(self, losses: int, *, is_busy: bool = False) -> None:
        super().__init__()
        self.losses = losses
        self.keys: list[str] = []
        self._is_busy = is_busy

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it, and then lose the answer."""
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        if self._is_busy and self.losses:
            self.losses -= 1
            return httpx.Response(503, headers={"Retry-After": "0"}, request=request)
        response = super().handle_request(request)
        if self.losses:
            self.losses -= 1
            response.close()
            raise httpx.ReadTimeout("lost", request=request)
        return response


@contextmanager
def unlucky_client(cast: Cast, address: str, transport: Unlucky) -> Iterator[Regulars]:
    with httpx.Client(transport=transport) as http:
        client = Regulars(make_secret(cast), base_url=address, http=http)
        client._transport._sleep = lambda _: None
        yield client


def test_the_guide_works_as_written(cast: Cast, client: Regulars) -> None:
    reward_id = factories.make_reward(cast, "Free shipping", points_cost=200).id
    account = client.loyalty.accounts.create(
        program_id=cast.program_id,
        customer_id="cust_8sJ2k",
        metadata={"signupSource": "checkout"},
        idempotency_key="enrol-cust_8sJ2k-prog_summer",
    )
    txn = client.loyalty.points.award(
        account_id=account.id,
        points=250,
        reason="purchase",
        metadata={"paymentId": "pay_3xZ9q", "orderId": "1234"},
        idempotency_key="award-pay_3xZ9q",
    )
    assert txn.balance_after == 250
    fresh = client.loyalty.accounts.retrieve(account.id)
    assert (fresh.balance, fresh.lifetime_points) == (250, 250)
    assert client.loyalty.points.list(account_id=account.id, limit=20).data == [txn]
    reward = client.loyalty.rewards.retrieve(reward_id)
    redemption = client.loyalty.redemptions.create(
        account_id=account.id, reward_id=reward.id, idempotency_key="redeem-order-1234"
    )
    assert (redemption.status, redemption.points_spent) == ("confirmed", reward.points_cost)
    client.loyalty.points.reverse(transaction_id=txn.id, reason="refund")
    assert client.loyalty.redemptions.cancel(redemption.id).status == "cancelled"
    assert client.loyalty.accounts.retrieve(account.id).balance == 0


def test_a_lost_answer_is_asked_for_again_and_nothing_acts_twice(cast: Cast, address: str) -> None:
    member = factories.enrol(cast)
    transport = Unlucky(2)
    with unlucky_client(cast, address, transport) as client:
        made = client.loyalty.points.award(account_id=member.id, points=250, reason="purchase")

    assert made.balance_after == 250
    assert len(transport.keys) == 3
    assert len(set(transport.keys)) == 1
    assert factories.reload(cast, member).balance == 250


def test_a_busy_server_is_asked_again(cast: Cast, address: str) -> None:
    with unlucky_client(cast, address, Unlucky(3, is_busy=True)) as client:
        assert len(list(client.loyalty.programs.list())) == 1


def test_after_all_retries_the_failure_is_told(cast: Cast, address: str) -> None:
    for transport, told in (
        (Unlucky(4), regulars.ConnectionFailed),
        (Unlucky(4, is_busy=True), regulars.ServerFailed),
    ):
        with unlucky_client(cast, address, transport) as client, pytest.raises(told):
            client.loyalty.programs.list()


def test_many_awards_go_in_one_request(cast: Cast, client: Regulars) -> None:
    member = factories.enrol(cast)
    given = {"account_id": member.id, "points": 5, "reason": "purchase"}

    good, refused = client.loyalty.points.award_batch(
        [
            {**given, "idempotency_key": "a"},
            {**given, "account_id": "loy_nobody", "idempotency_key": "b"},
        ]
    )

    assert good.transaction is not None
    assert (good.status, good.transaction.balance_after) == (201, 5)
    assert refused.error is not None
    assert (refused.idempotency_key, refused.error.code) == ("b", "resource_missing")


def test_a_list_goes_on_over_its_parts(cast: Cast, client: Regulars) -> None:
    made = [factories.enrol(cast).id for _ in range(7)]

    first = client.loyalty.accounts.list(limit=3)

    assert first.has_more
    assert [account.id for account in first] == made[::-1]


def test_errors_are_typed(cast: Cast, client: Regulars, address: str) -> None:
    member, reward = factories.enrol(cast), factories.make_reward(cast)

    with pytest.raises(regulars.Refused) as refused:
        client.loyalty.redemptions.create(account_id=member.id, reward_id=reward.id)
    assert refused.value.code == "insufficient_points"
    assert str(refused.value.request_id).startswith("req_")
    with pytest.raises(regulars.NotFound):
        client.loyalty.accounts.retrieve("loy_none")
    with pytest.raises(regulars.InvalidRequest) as wrong:
        client.loyalty.points.award(account_id=member.id, points=0, reason="x")
    assert wrong.value.param == "points"
    with (
        Regulars("sk_test_wrong", base_url=address) as stranger,
        pytest.raises(regulars.AuthenticationFailed),
    ):
        stranger.events.list()
    client.loyalty.points.award(account_id=member.id, points=1, reason="x", idempotency_key="k")
    with pytest.raises(regulars.IdempotencyConflict):
        client.loyalty.points.award(account_id=member.id, points=2, reason="x", idempotency_key="k")
    with (
        Regulars(make_secret(cast, scopes=["events:read"]), base_url=address) as reader,
        pytest.raises(regulars.PermissionDenied),
    ):
        reader.customers.create(name="Ngozi")


def test_objects_are_made_changed_and_removed(cast: Cast, client: Regulars) -> None:
    program = client.loyalty.programs.create(name="Beans", point_value=0.8)
    assert client.loyalty.programs.update(program.id, earn_rate=5).earn_rate == 5
    customer = client.customers.create(id="shop/42", name="Ngozi", email="n@example.com")
    assert client.customers.update("shop/42", email=None).email is None
    assert client.customers.retrieve(customer.id).name == "Ngozi"
    reward = client.loyalty.rewards.create(
        program_id=program.id, name="Mug", type="partner", points_cost=5
    )
    assert client.loyalty.rewards.update(reward.id, points_cost=6).points_cost == 6
    assert client.loyalty.rewards.archive(reward.id).status == "archived"
    endpoint = client.webhook_endpoints.create(url="https://shop.example.com/hooks")
    assert str(endpoint.secret).startswith("whsec_")
    client.webhook_endpoints.delete(endpoint.id)
    assert client.webhook_endpoints.list().data == []
    assert client.events.list(type="loyalty.reward.created").data[0].data["id"] == reward.id


@pytest.mark.parametrize(
    "name",
    [
        "Program",
        "Customer",
        "Account",
        "Transaction",
        "Reward",
        "Redemption",
        "Event",
        "WebhookEndpoint",
    ],
)
def test_the_clients_objects_have_every_field_of_the_servers(name: str) -> None:
    ours: type[BaseModel] = getattr(objects, name)
    theirs: type[BaseModel] = getattr(schemas, name)

    assert set(ours.model_fields) == set(theirs.model_fields) - {"object"}


SECRET = "whsec_" + base64.b64encode(b"0" * 32).decode()
BODY = (
    '{"id":"evt_1","type":"payment.refunded","createdAt":"2026-03-12T14:00:00.000Z",'
    '"livemode":false,"sequence":0,"data":{"id":"pay_3xZ9q"}}'
)


def signature(body: str = BODY, *, moment: int | None = None, key: bytes = b"0" * 32) -> str:
    moment = int(time.time()) if moment is None else moment
    digest = hmac.new(key, f"{moment}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def test_a_webhook_is_verified() -> None:
    client = Regulars("sk_test_x", webhook_secret=SECRET)

    event = client.webhooks.verify(BODY, signature())

    assert (event.type, event.data["id"]) == ("payment.refunded", "pay_3xZ9q")
    two = f"{signature(key=b'1' * 32)},{signature().split(',')[1]}"
    assert client.webhooks.verify(BODY.encode(), two).id == "evt_1"


FALSE_WEBHOOKS: dict[str, Callable[[], tuple[str, str | None, str | None]]] = {
    "another body": lambda: (BODY.replace("pay_3", "pay_4"), signature(), SECRET),
    "too old": lambda: (BODY, signature(moment=int(time.time()) - 301), SECRET),
    "another secret": lambda: (BODY, signature(key=b"1" * 32), SECRET),
    "no time": lambda: (BODY, "v1=abc", SECRET),
    "no number for a time": lambda: (BODY, "t=now,v1=abc", SECRET),
    "empty": lambda: (BODY, "", SECRET),
    "none": lambda: (BODY, None, SECRET),
    "a huge time": lambda: (BODY, f"t={'1' * 5000},v1=abc", SECRET),
    "a secret that is none": lambda: (BODY, signature(), "not base64"),
    "no secret": lambda: (BODY, signature(), None),
}
"""Made when the test runs: a signature from the collection would be refused for its age alone."""


@pytest.mark.parametrize("kind", FALSE_WEBHOOKS)
def test_a_false_webhook_is_refused(kind: str) -> None:
    body, header, secret = FALSE_WEBHOOKS[kind]()
    client = Regulars("sk_test_x", webhook_secret=secret)

    with pytest.raises(regulars.SignatureInvalid):
        client.webhooks.verify(body, header)


def test_a_base_address_may_end_in_the_version(cast: Cast, address: str) -> None:
    with Regulars(make_secret(cast), base_url=f"{address}/v1/") as found:
        assert [each.id for each in found.loyalty.programs.list()] == [cast.program_id]


def test_an_empty_key_is_told_at_once() -> None:
    with pytest.raises(ValueError, match="secret key"):
        Regulars("")
