"""What can go wrong, as facts. No status numbers: `app.http.statuses` maps kinds to them.

Every error has a `code` of spec section 5 and a message in shop English that says what to do. The
same sentence goes to the page and to the API.
"""

from __future__ import annotations

from datetime import datetime


class RegularsError(Exception):
    """An expected refusal.

    Attributes:
        code: the stable code of spec section 5.
        message: one or two sentences for people.
        param: the field that is at fault, if one is.
    """

    code = "invalid_request"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class NotFound(RegularsError):
    """The id is unknown here. Another workspace's id looks exactly the same."""

    code = "resource_missing"


class InvalidParameter(RegularsError):
    """A value has the wrong form."""

    code = "parameter_invalid"

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message, param=param)


class MissingParameter(RegularsError):
    """A value that must be there is not."""

    code = "parameter_missing"

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message, param=param)


class PermissionDenied(RegularsError):
    """The role may not do this."""

    code = "permission_denied"


class AllowanceExceeded(PermissionDenied):
    """More points than this person may give by hand; a manager can approve it."""


class RateLimited(RegularsError):
    """Too many tries.

    Attributes:
        retry_after_seconds: when to try again.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class InvalidApiKey(RegularsError):
    """No key came with the request, or one that is not good here (any more)."""

    code = "invalid_api_key"


class InvalidSignature(RegularsError):
    """A message is not signed with the secret of its source, or was signed too long ago."""

    code = "invalid_signature"

    def __init__(self) -> None:
        super().__init__(
            "The signature does not fit this body, or is more than five minutes old. Check the "
            "secret and the clock, and sign the bytes that are sent."
        )


class UnknownParameter(RegularsError):
    """A value that this call does not know."""

    code = "parameter_unknown"

    def __init__(self, param: str) -> None:
        super().__init__(
            f"This call knows no “{param}”. Check the spelling, or leave it out.", param=param
        )


class WrongContentType(RegularsError):
    """The body is of a type that is not read here."""

    code = "parameter_invalid"


class KeyEnded(RegularsError):
    """The API key was revoked or rolled already."""

    code = "invalid_api_key"

    def __init__(self) -> None:
        super().__init__("This key has ended already. Make a new one.")


class IdempotencyConflict(RegularsError):
    """The key was used for another request."""

    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__(
            "This was already sent with other details, and that first one counted. "
            "Nothing was changed now. Check below, then send again if you still want to."
        )


class SourceConflict(RegularsError):
    """The source was awarded to another member, or for other points.

    Attributes:
        first_id: the id of that award.
    """

    code = "source_conflict"

    def __init__(self, first_id: str) -> None:
        super().__init__(
            f"This source was awarded before, as {first_id}, to another account or for other "
            "points. Nothing was awarded now.",
            param="source",
        )
        self.first_id = first_id


class Refused(RegularsError):
    """Well-formed, but impossible now. Nothing was changed."""


class InsufficientPoints(Refused):
    """The balance does not reach the cost.

    Attributes:
        short_points: how many points are missing.
    """

    code = "insufficient_points"

    def __init__(self, *, balance: int, cost_points: int) -> None:
        self.short_points = cost_points - balance
        super().__init__(
            f"Short by {_points(self.short_points)}. The balance is {balance:,} and this costs "
            f"{cost_points:,}. Nothing was taken."
        )


class AccountNegative(Refused):
    """The balance is below zero, so nothing can be redeemed, not even a free reward."""

    code = "account_negative"

    def __init__(self, *, balance: int) -> None:
        super().__init__(
            f"{_points(-balance)} owed. Awards pay that back first; "
            "then rewards can be redeemed again."
        )


class BalanceWouldGoNegative(Refused):
    """A downward adjustment would take more than is there, and nobody asked for that."""

    code = "insufficient_points"

    def __init__(self, *, balance: int, points: int) -> None:
        super().__init__(
            f"The balance is {balance:,}, so taking {-points:,} would leave {balance + points:,}. "
            "Take less, or allow it to go below zero."
        )


class RewardInactive(Refused):
    """The reward was archived."""

    code = "reward_inactive"

    def __init__(self, name: str) -> None:
        super().__init__(f"“{name}” is no longer offered. Choose another reward.")


class RewardOutOfStock(Refused):
    """All pieces are taken."""

    code = "reward_out_of_stock"

    def __init__(self, name: str) -> None:
        super().__init__(f"None left of “{name}”. Nothing was taken. Choose another reward.")


class RewardLimitReached(Refused):
    """This member already had as many as one member may have."""

    code = "reward_limit_reached"

    def __init__(self, name: str, *, limit_count: int) -> None:
        times = "once" if limit_count == 1 else f"{limit_count:,} times"
        super().__init__(f"Each member can have “{name}” {times}, and this one already has.")


class RewardNotAvailable(Refused):
    """Outside the validity window, in another program, or above the member's tier.

    Attributes:
        short: the reason in two or three words, for a list.
    """

    code = "reward_not_available"

    def __init__(self, message: str, *, short: str = "not now") -> None:
        super().__init__(message)
        self.short = short


class MemberClosed(Refused):
    """The member is closed; reopening comes first."""

    code = "member_closed"

    def __init__(self) -> None:
        super().__init__("This membership is closed. A manager can reopen it first.")


class AlreadyReversed(Refused):
    """Nothing of the award is left to take back.

    Attributes:
        reversed_by: who did it last, as shown to staff, or None.
        reversed_at: when, aware UTC, or None.
    """

    code = "already_reversed"

    def __init__(
        self, *, reversed_by: str | None = None, reversed_at: datetime | None = None
    ) -> None:
        super().__init__("This was already reversed in full. Nothing was taken twice.")
        self.reversed_by = reversed_by
        self.reversed_at = reversed_at


class ExceedsReversible(Refused):
    """More was asked back than is left of the award."""

    code = "exceeds_reversible"

    def __init__(self, *, left_points: int) -> None:
        super().__init__(
            f"Only {_points(left_points)} of this can still be reversed. "
            f"Enter {left_points:,} or fewer.",
            param="points",
        )


class NotReversible(Refused):
    """Only awards and positive adjustments can be reversed."""

    code = "not_reversible"


class AlreadyFulfilled(Refused):
    """The reward was handed over, so a manager has to cancel it."""

    code = "already_fulfilled"


class TooSmallToEarn(Refused):
    """A purchase earns not one point."""

    code = "too_small_to_earn"

    def __init__(self, *, earns_nothing: bool = False) -> None:
        super().__init__(
            "Purchases earn no points at present. A manager changes that under Program rules."
            if earns_nothing
            else "The amount is too small to earn a point."
        )


class EndpointDisabled(Refused):
    """Nothing is sent to a webhook endpoint that is switched off."""

    code = "endpoint_disabled"

    def __init__(self) -> None:
        super().__init__("This endpoint is off, so nothing is sent to it. Switch it on first.")


class IdTaken(Refused):
    """An id that the caller brings is another object's already."""

    code = "parameter_invalid"


class SignInFailed(Refused):
    """Address and password do not fit; which of them is not said."""

    code = "sign_in_failed"

    def __init__(self) -> None:
        super().__init__("Email and password do not fit together. Check both and try again.")


def _points(count: int) -> str:
    return f"{count:,} point" if count == 1 else f"{count:,} points"
