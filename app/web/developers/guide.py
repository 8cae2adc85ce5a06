"""The seed's guide as a list of calls: a step is done once the sandbox has seen its call."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

_STEPS = (
    ("Enrol a member", "POST", "/v1/loyalty/accounts"),
    ("Award points", "POST", "/v1/loyalty/points/award"),
    ("Check the balance", "GET", "/v1/loyalty/accounts/{id}"),
    ("List the ledger", "GET", "/v1/loyalty/points"),
    ("Look at a reward", "GET", "/v1/loyalty/rewards/{id}"),
    ("Redeem it", "POST", "/v1/loyalty/redemptions"),
    ("Reverse an award", "POST", "/v1/loyalty/points/reverse"),
    ("Cancel a redemption", "POST", "/v1/loyalty/redemptions/{id}/cancel"),
)

CALLS = tuple((method, path) for _, method, path in _STEPS)


@dataclass(frozen=True)
class Step:
    """One call of the guide."""

    name: str
    method: str
    path: str
    is_done: bool


def steps(seen: Set[tuple[str, str]]) -> list[Step]:
    """Give the steps, judged by the calls that succeeded."""
    return [Step(name, method, path, (method, path) in seen) for name, method, path in _STEPS]
