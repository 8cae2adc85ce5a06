"""The pages of webhooks: endpoints, secrets, the log, sending again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.models.webhooks import WebhookEndpoint
from app.services.paging import PageRequest
from app.services.webhooks import endpoints
from tests import factories
from tests.cast import Cast
from tests.support.pages import Page, Visitor
from tests.support.webhooks import answer, deliveries, dispatch, endpoint_now

HOOKS = "/developers/webhooks"
URL = "https://shop.example.com/hooks"


def the_endpoints(cast: Cast) -> list[WebhookEndpoint]:
    with cast.database.reading() as session:
        found = endpoints.list_endpoints(
            session, workspace_id=cast.workspace_id, page=PageRequest()
        )
    return list(found.rows)


def secret_on(page: Page) -> str:
    """Give the secret that a page shows."""
    (field,) = [each for each in page.elements("input") if each.get("id") == "secret"]
    return str(field.get("value"))


def typed_moment(page: Page, name: str, **later: Any) -> str:
    """Give what a field of moments holds, moved by a time."""
    held = datetime.fromisoformat(page.value(name)) + timedelta(**later)
    return held.strftime("%Y-%m-%dT%H:%M")


def test_an_endpoint_is_made_and_its_secret_is_shown_once(cast: Cast, manager: Visitor) -> None:
    made = manager.send(
        f"{HOOKS}/new", url=URL, reach="some", enabled_events=["loyalty.points.earned"]
    )

    (endpoint,) = the_endpoints(cast)
    secret = secret_on(made)
    assert secret == endpoint.secret
    assert endpoint.enabled_events == ["loyalty.points.earned"]
    shown = manager.get(f"{HOOKS}/{endpoint.id}")
    assert secret not in shown.response.get_data(as_text=True)
    assert f"whsec_••••{secret[-5:]}" in shown.text
    assert "shop.example.com/hooks" in manager.get("/developers").text


def test_a_form_that_is_sent_twice_makes_one_endpoint(cast: Cast, manager: Visitor) -> None:
    form = {**manager.get(f"{HOOKS}/new").fields(), "url": URL}

    first, again = (manager.post(f"{HOOKS}/new", form) for _ in range(2))

    assert secret_on(first)
    assert "This secret was shown already" in again.text
    assert len(the_endpoints(cast)) == 1


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"url": ""}, "Give a whole https address"),
        ({"url": "http://shop.example.com/hooks"}, "Give a whole https address"),
        ({"url": "shop.example.com"}, "Give a whole https address"),
        ({"url": "https://user:secret@shop.example.com/"}, "Give a whole https address"),
        ({"url": "https://10.0.0.7/hooks"}, "not on the public internet"),
        ({"url": "https://localhost/hooks"}, "not on the public internet"),
        ({"url": "https://[::1]:8443/hooks"}, "not on the public internet"),
        ({"url": "https://" + "x" * 2000}, "Shorten it"),
        ({"url": URL, "reach": "some"}, "Tick at least one"),
        ({"url": URL, "enabled_events": ["loyalty.points.earned"]}, "You ticked some"),
        ({"url": URL, "reach": "some", "enabled_events": ["loyalty.nothing"]}, "not a valid"),
    ],
)
def test_a_wrong_form_keeps_what_was_typed(
    cast: Cast, manager: Visitor, typed: dict[str, Any], words: str
) -> None:
    page = manager.send(f"{HOOKS}/new", **typed)

    assert page.status in {400, 422}
    assert words in page.text
    assert page.value("url") == typed["url"]
    assert the_endpoints(cast) == []


def test_an_endpoint_is_edited_switched_off_and_deleted(cast: Cast, manager: Visitor) -> None:
    endpoint = factories.make_endpoint(cast)
    page = f"{HOOKS}/{endpoint.id}"

    manager.send(f"{page}/edit", url=f"{URL}/two", reach="all", enabled_events=[])
    manager.press(page, f"{page}/disable")
    after = endpoint_now(cast, endpoint)
    assert (after.url, after.status) == (f"{URL}/two", "disabled")
    assert "Switch on" in manager.get(page).text
    manager.press(page, f"{page}/enable")
    assert endpoint_now(cast, endpoint).status == "enabled"
    manager.press(f"{page}/delete", f"{page}/delete")

    assert the_endpoints(cast) == []
    assert manager.get(page).status == 404


def test_a_secret_is_rotated_and_both_are_named(cast: Cast, manager: Visitor) -> None:
    endpoint = factories.make_endpoint(cast)
    page = f"{HOOKS}/{endpoint.id}"

    made = manager.send(f"{page}/rotate", overlap_hours="24")

    new = secret_on(made)
    assert new != endpoint.secret
    assert "The old secret signs beside it until" in made.text
    shown = manager.get(page).text
    assert f"whsec_••••{new[-5:]}" in shown
    assert f"whsec_••••{endpoint.secret[-5:]}" in shown


def test_a_rotation_that_is_sent_twice_rotates_once(cast: Cast, manager: Visitor) -> None:
    endpoint = factories.make_endpoint(cast)
    page = f"{HOOKS}/{endpoint.id}/rotate"
    form = manager.get(page).fields(page)

    first, again = (manager.post(page, form) for _ in range(2))

    assert "shown already" in again.text
    after = endpoint_now(cast, endpoint)
    assert (after.secret, after.previous_secret) == (secret_on(first), endpoint.secret)


def test_a_test_is_sent_once_and_its_delivery_opens(cast: Cast, manager: Visitor) -> None:
    endpoint = factories.make_endpoint(cast)
    page = f"{HOOKS}/{endpoint.id}"
    form = manager.get(page).fields(f"{page}/test")

    first, again = (manager.post(f"{page}/test", form) for _ in range(2))

    (delivery,) = deliveries(cast)
    assert first.location == again.location == f"{HOOKS}/deliveries/{delivery.id}"
    shown = manager.get(first.location)
    assert "webhook.test" in shown.text
    assert "Not sent yet." in shown.text


def test_the_log_is_narrowed_by_endpoint_event_and_state(cast: Cast, manager: Visitor) -> None:
    one = factories.make_endpoint(cast)
    factories.make_endpoint(cast, "loyalty.points.earned", url="https://till.example.com/")
    factories.award(cast, factories.enrol(cast), 10)
    dispatch(cast)
    answer(cast, 200, 200, 500)

    def rows(**query: str) -> int:
        page = manager.get(f"{HOOKS}/deliveries?" + "&".join(f"{k}={v}" for k, v in query.items()))
        return len([row for row in page.elements("tr") if "data-row" in row.attrib])

    assert rows() == 3
    assert rows(to=one.id) == 2
    assert rows(type="loyalty.points.earned") == 2
    assert rows(state="delivered") == 2
    assert rows(state="waiting", type="loyalty.points.earned") == 1
    assert rows(state="failed") == 0
    assert rows(state="nonsense", type="nonsense") == 3
    assert rows(to="we_of_nobody") == 0


def test_a_delivery_shows_payload_attempts_and_where_it_came_from(
    cast: Cast, manager: Visitor
) -> None:
    factories.make_endpoint(cast, "loyalty.points.earned")
    member = factories.enrol(cast)
    entry = factories.award(cast, member, 250, reason="Beans & <b>milk</b>")
    dispatch(cast)
    answer(cast, 503)
    (delivery,) = deliveries(cast)

    page = manager.get(f"{HOOKS}/deliveries/{delivery.id}")

    assert "Beans & <b>milk</b>" in page.text
    assert '"balanceAfter"' in page.text
    assert "503" in page.text
    assert "400 ms" in page.text
    assert {f"/ledger/{entry.id}", f"/members/{member.id}"} <= set(page.links())
    # And back: from the ledger's line to its events, and to the delivery.
    assert f"{HOOKS}/entries/{entry.id}" in manager.get(f"/members/{member.id}").links()
    events = manager.get(f"{HOOKS}/entries/{entry.id}")
    assert "loyalty.points.earned" in events.text
    assert f"{HOOKS}/deliveries/{delivery.id}" in events.links()


def test_one_is_sent_again(cast: Cast, manager: Visitor) -> None:
    factories.make_endpoint(cast)
    factories.enrol(cast)
    dispatch(cast)
    answer(cast, 200)
    (delivery,) = deliveries(cast)
    page = f"{HOOKS}/deliveries/{delivery.id}"

    manager.press(page, f"{page}/resend")

    (again,) = deliveries(cast)
    assert (again.status, again.attempt_count) == ("waiting", 1)
    assert "On its way" in manager.get(page).text


def test_a_range_is_sent_again_with_progress(cast: Cast, manager: Visitor) -> None:
    endpoint = factories.make_endpoint(cast)
    for _ in range(3):
        factories.enrol(cast)
    dispatch(cast)
    answer(cast, 200, 500, 500)
    path = f"{HOOKS}/{endpoint.id}/resend"
    form = manager.get(path)

    sent = manager.post(path, {**form.fields(path), "until": typed_moment(form, "until", hours=1)})

    assert sent.status == 303
    shown = manager.get(sent.location)
    assert "Resending 2 events" in shown.text
    assert "0 of 2" in shown.text
    # Whoever fails is asked one at a time.
    answer(cast, 200)
    assert "1 of 2" in manager.get(sent.location).text
    answer(cast, 200)
    assert "2 of 2" in manager.get(sent.location).text
    assert "All sent" in manager.get(sent.location).text


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("", "", "Enter a day and time"),
        ("yesterday", "2026-03-12T10:00", "Enter a day and time"),
        ("2026-03-12T10:00", "2026-03-12T09:00", "The end lies before the beginning"),
        ("2020-03-12T10:00", "2020-03-12T11:00", "Nobody knows any more"),
        ("9999-12-31T23:59", "9999-12-31T23:59", "The end lies before"),
    ],
)
def test_a_wrong_range_is_refused_and_kept(
    cast: Cast, manager: Visitor, since: str, until: str, words: str
) -> None:
    endpoint = factories.make_endpoint(cast)
    path = f"{HOOKS}/{endpoint.id}/resend"

    page = manager.send(path, since=since, until=until)

    assert page.status in {400, 422}
    assert words in page.text
    assert (page.value("since"), page.value("until")) == (since, until)


def test_who_fails_is_shown_on_today_to_who_can_mend_it(
    cast: Cast, manager: Visitor, cashier: Visitor
) -> None:
    endpoint = factories.make_endpoint(cast)
    factories.enrol(cast)
    dispatch(cast)
    answer(cast, 500)

    page = manager.get("/")

    assert "shop.example.com does not answer" in page.text
    assert f"{HOOKS}/{endpoint.id}" in page.links()
    assert "does not answer" not in cashier.get("/").text
    assert "Failing, 1 waits" in manager.get("/developers").text


def test_another_workspaces_endpoints_are_not_there(cast: Cast, manager: Visitor) -> None:
    endpoint = factories.make_endpoint(cast)
    factories.enrol(cast)
    dispatch(cast)
    (delivery,) = deliveries(cast)
    manager.go_live()

    for path in (
        endpoint.id,
        f"{endpoint.id}/edit",
        f"{endpoint.id}/rotate",
        f"{endpoint.id}/delete",
        f"{endpoint.id}/resend",
        f"deliveries/{delivery.id}",
    ):
        assert manager.get(f"{HOOKS}/{path}").status == 404, path
