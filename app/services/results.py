"""What an act of a service returns when it may find its work done already."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Replayed(StrEnum):
    """Why an act changed nothing; the empty member is for an act that did."""

    NO = ""
    """The act was done now."""

    KEY = "key"
    """The same request was answered before, under the same idempotency key."""

    SOURCE = "source"
    """The award's source was awarded before, to the same member and for the same points."""

    EXISTING = "existing"
    """What the act brings about was there: the member, the cancellation, the handing over."""


@dataclass(frozen=True, slots=True)
class Result(Generic[Value]):
    """What an act made, or found made."""

    value: Value
    replayed: Replayed = Replayed.NO
