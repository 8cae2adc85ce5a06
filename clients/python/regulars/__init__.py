"""A client of the Regulars API.

from regulars import Regulars

client = Regulars("sk_test_…")
client.loyalty.points.award(
    account_id="loy_…", points=250, reason="purchase", idempotency_key="award-pay_3xZ9q"
)
"""

from regulars.client import Regulars as Regulars
from regulars.errors import ApiError as ApiError
from regulars.errors import AuthenticationFailed as AuthenticationFailed
from regulars.errors import ConnectionFailed as ConnectionFailed
from regulars.errors import IdempotencyConflict as IdempotencyConflict
from regulars.errors import InvalidRequest as InvalidRequest
from regulars.errors import NotFound as NotFound
from regulars.errors import PermissionDenied as PermissionDenied
from regulars.errors import RateLimited as RateLimited
from regulars.errors import Refused as Refused
from regulars.errors import RegularsError as RegularsError
from regulars.errors import ServerFailed as ServerFailed
from regulars.errors import SignatureInvalid as SignatureInvalid
