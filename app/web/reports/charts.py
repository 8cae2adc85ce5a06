"""The geometry of Today's charts. The templates draw what is worked out here as SVG attributes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from app.services.reports import Day, Overview

SPARK_DAYS = 14
SPARK_WIDTH = 96
SPARK_HEIGHT = 28

AXIS_LEFT = 46
ABOVE = 132
BELOW = 92
TOP = 8
NARROW_DAYS = 14
SATURDAY = 5
RUNGS_MAX = 3


@dataclass(frozen=True)
class Spark:
    """A small line: SVG path data for the line and the area under it, and its last point."""

    line: str
    area: str
    x: float
    y: float


@dataclass(frozen=True)
class Bar:
    """One day's two bars, in SVG units."""

    on: date
    x: float
    width: float
    issued_y: float
    issued_height: float
    redeemed_height: float
    is_today: bool
    is_labelled: bool


@dataclass(frozen=True)
class Chart:
    """The chart of issued and redeemed points.

    Attributes:
        grid: values above and below zero with their y.
    """

    name: str
    width: int
    zero_y: float
    bars: Sequence[Bar]
    grid: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Drawings:
    """All drawings of the page."""

    issued: Spark
    redeemed: Spark
    outstanding: Spark
    seen: Spark
    wide: Chart
    narrow: Chart


def draw(overview: Overview) -> Drawings:
    """Work out the drawings; sparklines show full days only."""
    full_days = overview.days[:-1][-SPARK_DAYS:]
    return Drawings(
        issued=spark([day.issued for day in full_days]),
        redeemed=spark([day.redeemed for day in full_days]),
        outstanding=spark(overview.outstanding_by_day[-SPARK_DAYS - 1 : -1]),
        seen=spark([day.visit_count for day in full_days]),
        wide=chart("w", 720, overview.days),
        narrow=chart("n", 350, overview.days[-NARROW_DAYS:]),
    )


def spark(values: Sequence[int]) -> Spark:
    """Draw a line from the lowest to the highest value."""
    low, high = min(values), max(values)
    step = SPARK_WIDTH / max(1, len(values) - 1)
    height = SPARK_HEIGHT - 8
    span = (high - low) or 1
    points = [
        (round(index * step + 3, 1), round(4 + height - (value - low) / span * height, 1))
        for index, value in enumerate(values)
    ]
    line = "M" + "L".join(f"{x} {y}" for x, y in points)
    last_x, last_y = points[-1]
    area = f"{line}L{last_x} {SPARK_HEIGHT}L{points[0][0]} {SPARK_HEIGHT}Z"
    return Spark(line, area, last_x, last_y)


def chart(name: str, width: int, days: Sequence[Day]) -> Chart:
    """Draw issued points above the line and redeemed points below it."""
    top, rung = _scale(
        max(1, *(day.issued for day in days), *(day.redeemed * ABOVE // BELOW for day in days))
    )
    scale = ABOVE / top
    step = (width - AXIS_LEFT - 4) / len(days)
    bars = [
        Bar(
            on=day.on,
            x=round(AXIS_LEFT + 3 + index * step, 1),
            width=round(step - 6, 1),
            issued_y=round(TOP + ABOVE - day.issued * scale - 1, 1),
            issued_height=round(day.issued * scale, 1),
            redeemed_height=round(day.redeemed * scale, 1),
            is_today=index == len(days) - 1,
            is_labelled=day.on.weekday() == SATURDAY and index < len(days) - 2,
        )
        for index, day in enumerate(days)
    ]
    rungs = [(value, TOP + ABOVE - value * scale) for value in range(rung, top + 1, rung)]
    rungs += [
        (value, TOP + ABOVE + value * scale)
        for value in range(rung, top + 1, rung)
        if value * scale <= BELOW
    ]
    grid = [(value, round(y, 1)) for value, y in rungs]
    return Chart(name, width, TOP + ABOVE, bars, grid)


def _scale(value: int) -> tuple[int, int]:
    """Give an axis' end and the distance of its lines: two or three lines of 1, 2 or 5 × 10ⁿ."""
    unit: int = 10 ** max(0, int(math.log10(value)) - 1)
    for factor in (1, 2, 5, 10, 20, 50):
        rung = factor * unit
        if value <= RUNGS_MAX * rung:
            return -(-value // rung) * rung, rung
    return value, value
