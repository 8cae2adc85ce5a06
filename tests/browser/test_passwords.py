"""A password comes from the clipboard as well as from fingers, on every form that takes one."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import sign_in
from tests.cast import Cast


def test_a_password_may_be_pasted_wherever_one_is_asked_for(
    cast: Cast, page: Page, address: str
) -> None:
    page.goto(f"{address}/sign-in")
    email = page.get_by_label("Email")
    email.fill(factories.PASSWORD)
    email.press("ControlOrMeta+a")
    email.press("ControlOrMeta+x")
    expect(email).to_have_value("")

    count = pasted(page)
    page.goto(f"{address}/join/{factories.invite(cast).token}")
    count += pasted(page)
    sign_in(page, address, "cashier")
    for path in ("/you/password", "/you/pin"):
        page.goto(f"{address}{path}")
        count += pasted(page)

    assert count == 1 + 2 + 3 + 3


def pasted(page: Page) -> int:
    """Paste into each field that hides what is typed, and give how many there are."""
    fields = page.locator("input[type=password]").all()
    for field in fields:
        field.press("ControlOrMeta+v")
        # Six digits are a PIN.
        length = int(field.get_attribute("maxlength") or len(factories.PASSWORD))
        expect(field).to_have_value(factories.PASSWORD[:length])
    return len(fields)
