"""Every code that an error of the API may have, for the document and the reference page."""

from __future__ import annotations

from collections.abc import Mapping

ERROR_CODES: Mapping[str, tuple[int, str]] = {
    "parameter_missing": (400, "A field that must be there is not; `param` names it."),
    "parameter_invalid": (
        400,
        "A field has the wrong form; `param` names it. 415 for a body that is no JSON, and 422 for "
        "an id that another object has.",
    ),
    "parameter_unknown": (400, "This call knows no such field; `param` names it."),
    "invalid_api_key": (401, "No key came, it is not good any more, or it stands in the address."),
    "invalid_signature": (401, "Word of a payment is not signed with its source's secret."),
    "permission_denied": (403, "The key's scopes do not hold this."),
    "resource_missing": (404, "There is nothing with this id in this workspace."),
    "method_not_allowed": (405, "This address does not take that method."),
    "idempotency_conflict": (409, "The Idempotency-Key was used for another request."),
    "source_conflict": (
        409,
        "The award's source was awarded before, to another account or for other points. The "
        "message names that transaction.",
    ),
    "request_too_large": (
        413,
        "The body is larger than 64 KiB, or 1 MiB for a batch or a payment.",
    ),
    "insufficient_points": (422, "The balance does not reach the cost."),
    "account_negative": (422, "The balance is below zero; awards repay it first."),
    "reward_inactive": (422, "The reward was archived."),
    "reward_out_of_stock": (422, "None is left."),
    "reward_limit_reached": (422, "This account has had as many as one account may."),
    "reward_not_available": (
        422,
        "Outside its validity, above the tier, of another program, or cancelled.",
    ),
    "member_closed": (422, "The account is closed."),
    "already_reversed": (422, "Nothing of the award is left to take back."),
    "exceeds_reversible": (422, "More was asked back than is left of the award."),
    "not_reversible": (422, "Only awards and upward adjustments can be reversed."),
    "already_fulfilled": (422, "It was handed over; a manager cancels it on the dashboard."),
    "endpoint_disabled": (422, "The webhook endpoint is off."),
    "rate_limited": (429, "Too many requests; `Retry-After` says when to go on."),
    "server_error": (
        500,
        "Something broke here, or the database did not answer (503). "
        "`message` says whether something may have been saved.",
    ),
}
"""Each with its usual status and what it means."""
