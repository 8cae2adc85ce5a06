"""Scripts in every stored field: every page shows them as the text that they are."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from app.services import devices, locations, workspaces
from app.services.api_keys import keys
from app.services.payments import sources
from app.services.staff import people
from tests import factories
from tests.cast import Cast

HIT = "window.hit=1"
PAYLOADS = (
    f"<script>{HIT}</script>",
    f"</script><script>{HIT}</script>",
    f"<img src=x onerror={HIT}>",
    f'"><img src=x onerror={HIT}>',
    f"'><img src=x onerror={HIT}>",
    f"<svg onload={HIT}>",
    f"<svg><script>{HIT}</script></svg>",
    f"<body onload={HIT}>",
    f"<iframe srcdoc='<script>parent.{HIT}</script>'>",
    f'" autofocus onfocus={HIT} x="',
    f"' autofocus onfocus={HIT} x='",
    f"<details open ontoggle={HIT}>",
    f"<input autofocus onfocus={HIT}>",
    f"<a href=javascript:{HIT}>x</a>",
    f"javascript:{HIT}",
    f"</title><script>{HIT}</script>",
    f"</textarea><script>{HIT}</script>",
    f"</option></select><img src=x onerror={HIT}>",
    f"<!--><script>{HIT}</script>-->",
    f"<math><mtext><style><img src=x onerror={HIT}></style>",
    f"<template><script>{HIT}</script></template>",
    f"<object data=javascript:{HIT}>",
    f"<form action=javascript:{HIT}><button>x",
    f"<base href=//evil.example.com/><script>{HIT}</script>",
    f"<style>@import'//evil.example.com'</style><img src=x onerror={HIT}>",
    f"<div hx-get=/ hx-trigger=load hx-on:click={HIT}>",
    f"<div hx-get='javascript:{HIT}' hx-trigger=load>",
    "{{ 7*7 }}{% raw %}${7*7}",
    f"\\u003cscript\\u003e{HIT}\\u003c/script\\u003e",
    f"&lt;script&gt;{HIT}&lt;/script&gt;",
)
ALONE = (0, 3, 9, 16, 25, 27)
"""Of these each thing's own pages are opened; all thirty stand on the lists."""

FORBIDDEN = (
    "script:not([src]), [onerror], [onload], [onfocus], [ontoggle], main iframe, main object, "
    "main base, main style, [href^='javascript:'], [action^='javascript:'], main [hx-get='/']"
)


@pytest.fixture
def paths(cast: Cast) -> list[str]:
    """Write every payload into every field, and give the pages that show them."""
    own: list[str] = []
    given: dict[str, Any] = {"workspace_id": cast.workspace_id, "by": cast.owner}
    for number, payload in enumerate(PAYLOADS):
        member = factories.enrol(cast, payload)
        entry = factories.award(cast, member, 5000, reason=payload, note=payload)
        reward = factories.make_reward(
            cast, payload[:80], description=payload, points_cost=10, counter_key=number % 9 + 1
        )
        redemption = factories.redeem(cast, member, reward)
        with cast.database.writing() as session:
            shop = locations.add(session, name=payload, **given)
            workspace = workspaces.get_workspace(
                session, merchant_id=cast.merchant_id, mode="sandbox"
            )
            till = devices.register(
                session,
                workspace=workspace,
                location_id=shop.id,
                name=payload[:80],
                idle_minutes=5,
                session_token="nobody's",
                by=cast.owner,
            ).device
            person = people.create(
                session,
                merchant_id=cast.merchant_id,
                email=f"p{number}@example.com",
                name=payload,
                role="cashier",
                password=factories.PASSWORD,
                by=cast.owner,
            )
            keys.create(session, workspace=workspace, name=payload[:80], by=cast.owner)
        if number in ALONE:
            with cast.database.writing() as session:
                sources.create(
                    session,
                    workspace=workspace,
                    kind="regulars",
                    name=payload[:80],
                    program_id=cast.program_id,
                    by=cast.owner,
                )
            own += [
                f"/members/{member.id}",
                f"/members/{member.id}/card",
                f"/members/{member.id}/edit",
                f"/members/{member.id}/award",
                f"/counter?member={member.id}",
                f"/counter?redemption={redemption.id}",
                f"/counter/receipts/{redemption.id}",
                f"/ledger/{entry.id}/reverse",
                f"/rewards/{reward.id}/edit",
                f"/staff/{person.id}",
                f"/locations/{shop.id}",
                f"/devices/{till.id}",
            ]
    factories.edit_program(cast, name=PAYLOADS[0], currency_name=PAYLOADS[5][:40])
    lists = [
        *("/", "/members", "/members?q=script", "/counter?q=img", "/rewards", "/redemptions"),
        *("/programs", "/staff", "/locations", "/audit", "/developers", "/you"),
        *("/developers/payments", "/developers/requests", "/devices/new"),
    ]
    return lists + own


def test_no_page_runs_what_was_typed(
    cast: Cast, owner: Page, address: str, paths: list[str]
) -> None:
    owner.on("dialog", lambda dialog: dialog.dismiss())
    for path in paths:
        owner.goto(f"{address}{path}")
        assert owner.evaluate("window.hit") is None, path
        assert owner.locator(FORBIDDEN).count() == 0, path
    owner.goto(f"{address}/members")
    assert PAYLOADS[-1] in owner.locator("main").inner_text()
