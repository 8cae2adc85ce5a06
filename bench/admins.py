"""Lists and searches of Regulars beside Flask-Admin and Django's admin, on the same database.

Each product runs in a process of its own and is asked through its WSGI interface, in turns. No
answer counts before it was seen to hold what it should.
"""

from __future__ import annotations

import html
import importlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from app.services.paging import PAGE_ROWS
from app.services.reports import ACTIVITY_ROWS
from bench import databases, shops
from bench.measuring import Figures
from bench.sites.pages import Page, Shop
from bench.sites.serving import ROOT, Answer, Order, Site, started
from scripts.install import install

TIMES = 100
SECONDS_MOST = 10.0
"""So long a product may work at one page; after that it is asked no more."""

TIMES_LEAST = 3
EXACT_BELOW = 10
"""Below ten times, the second decimal tells who is ahead."""

REQUIREMENTS = ROOT / "requirements" / "bench.txt"
PACKAGES = ("Flask-Admin", "Django")


@dataclass(frozen=True)
class _Product:
    """One product in one setting.

    Attributes:
        kind: whose addresses it has.
        counts: whether its lists say how many rows there are.
    """

    name: str
    kind: str
    module: str
    counts: bool = True


PRODUCTS = (
    _Product("Regulars", "regulars", "bench.sites.regulars"),
    _Product("Flask-Admin", "flask", "bench.sites.flask_admin_shop"),
    _Product("Flask-Admin, uncounted", "flask", "bench.sites.flask_admin_shop", counts=False),
    _Product("Django admin", "django", "bench.sites.django_shop.serving"),
    _Product("Django admin, uncounted", "django", "bench.sites.django_shop.serving", counts=False),
)

_NOTES = (
    f"Milliseconds from the request to the last byte of the page, p50 / p95, asked in process "
    f"through WSGI in turns, {TIMES} times; and how many times the p95 of Regulars that is. A "
    f"product that has worked at a page for {SECONDS_MOST:.0f} seconds is asked no more, yet at "
    f"least {TIMES_LEAST} times; its runs are told then. Each answer was seen to hold the rows, "
    "names or codes that it should. "
    f"All show {PAGE_ROWS} rows a page, and {ACTIVITY_ROWS} of the ledger.",
    "The others are set up as their documentation says: the same columns, searches in name, email, "
    "phone and card, related rows read by joins, the same order, and one workspace, so that the "
    "indexes of Regulars serve them too; connections stay open, templates are cached, debugging is "
    "off. In Flask-Admin nobody signs in. “Uncounted” leaves out the number of rows: Flask-Admin's "
    "`simple_list_pager`; in Django `show_full_result_count = False` and a paginator that does not "
    "count. No index was added for their searches.",
    "The page of one member is told, but not compared: ours has the ledger and the rewards on it, "
    "theirs the record alone.",
)


def run() -> str:
    """Measure on each kind of database and give the report's section."""
    install(REQUIREMENTS)
    importlib.invalidate_caches()
    versions = " and ".join(f"{name} {version(name)}" for name in PACKAGES)
    parts = [f"## Lists and searches beside {versions}", ""]
    for note in _NOTES:
        parts += [note, ""]
    for kind in databases.KINDS:
        with shops.opened(kind) as database:
            shop = Shop(database, shops.find_or_fill(database, shops.LARGE).workspace_id)
            parts += [f"### {kind}, {shop.member_count:,} members", "", *_table(_measure(shop)), ""]
    return "\n".join(parts)


Results = Sequence[tuple[Page, Mapping[str, Figures]]]
"""Each page with its figures, by product."""


def _measure(shop: Shop) -> Results:
    with ExitStack() as stack:
        sites = {each: stack.enter_context(_running(each, shop)) for each in PRODUCTS}
        return [(page, _measure_page(page, sites)) for page in shop.pages()]


@contextmanager
def _running(product: _Product, shop: Shop) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="regulars-bench-") as folder:
        order = Order(
            url=shop.database.url,
            workspace_id=shop.workspace_id,
            folder=folder,
            page_rows=PAGE_ROWS,
            activity_rows=ACTIVITY_ROWS,
            counts=product.counts,
        )
        with started(product.module, order) as site:
            yield site


def _measure_page(page: Page, sites: Mapping[_Product, Site]) -> Mapping[str, Figures]:
    seconds: dict[_Product, list[float]] = {product: [] for product in sites}
    for product, site in sites.items():
        # The first answer loads what is loaded once.
        _ask(page, product, site, 0)
    for turn in range(TIMES):
        # Nobody always comes after the same other one.
        order = [*sites][turn % len(sites) :] + [*sites][: turn % len(sites)]
        for product in order:
            taken = seconds[product]
            if sum(taken) < SECONDS_MOST or len(taken) < TIMES_LEAST:
                taken.append(_ask(page, product, sites[product], turn).seconds)
    return {
        product.name: Figures(product.name, taken, sum(taken)) for product, taken in seconds.items()
    }


def _ask(page: Page, product: _Product, site: Site, turn: int) -> Answer:
    """Ask for a page.

    Raises:
        RuntimeError: it is not the page that it should be.
    """
    path = page.paths[product.kind](turn)
    answer = site.get(path)
    if answer.status != 200 or not page.is_right(turn, html.unescape(answer.body)):  # noqa: PLR2004
        raise RuntimeError(f"{product.name} {path}: {answer.status}\n{site.last_words()}")
    return answer


def _table(results: Results) -> list[str]:
    ours, *others = (product.name for product in PRODUCTS)
    lines = [
        f"| page | {ours} | {' | '.join(others)} |",
        "| --- " + "| ---: " * len(PRODUCTS) + "|",
    ]
    for page, found in results:
        cells = [_cell(found[name], found[ours]) for name in others]
        lines.append(f"| {page.name} | {_pair(found[ours])} | {' | '.join(cells)} |")
    return [*lines, "", *(f"- {_verdict(results, name)}" for name in others)]


def _pair(figures: Figures) -> str:
    return f"{figures.percentile(50):,.1f} / {figures.percentile(95):,.1f}"


def _cell(theirs: Figures, ours: Figures) -> str:
    runs = len(theirs.seconds)
    told = "" if runs == TIMES else f", {runs} runs"
    return f"{_pair(theirs)} ({_times(_ahead(theirs, ours))}{told})"


def _ahead(theirs: Figures, ours: Figures) -> float:
    """Give how many times faster ours is at p95."""
    return theirs.percentile(95) / ours.percentile(95)


def _times(ahead: float) -> str:
    return f"{ahead:.2f} times" if ahead < EXACT_BELOW else f"{ahead:,.0f} times"


def _verdict(results: Results, name: str) -> str:
    """Say how ours compares with one other product on the pages that show the same."""
    ours = PRODUCTS[0].name
    times = {
        page.name: _ahead(found[name], found[ours]) for page, found in results if page.is_compared
    }
    faster = [each for each in times.values() if each > 1]
    slower = [f"{page} ({_times(each)})" for page, each in times.items() if each <= 1]
    if slower:
        return (
            f"{name}: {ours} is faster at p95 on {len(faster)} of {len(times)} pages, and not on "
            f"{'; '.join(slower)}."
        )
    return (
        f"{name}: {ours} is faster at p95 on every page, {_times(min(faster))} to "
        f"{_times(max(faster))}."
    )
