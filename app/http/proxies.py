"""Whom a request comes from when a proxy stands in front, and whether it came by https.

`X-Forwarded-For` and `X-Forwarded-Proto` are believed of the proxies that are configured, and of
nobody else: whoever could send them could choose the address that limits and logs see.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Network = IPv4Network | IPv6Network

BY_PROXY = "regulars.by_proxy"
"""Where a request's environment says that a trusted proxy brought it."""

HOPS_MAX = 8
"""More proxies than this stand in front of nobody; a longer header was made up."""


class TrustedProxies:
    """Hands a request on with its client's address and scheme, if a trusted proxy brought it."""

    def __init__(self, app: WSGIApplication, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted
        # One for each number of proxies that a request came through.
        self._fixed = [ProxyFix(app, x_for=hops, x_proto=1, x_host=0) for hops in range(HOPS_MAX)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer the request."""
        if not self._is_trusted(environ.get("REMOTE_ADDR", "")):
            return self._app(environ, start_response)
        environ[BY_PROXY] = True
        return self._fixed[self._hops(environ)](environ, start_response)

    def _hops(self, environ: WSGIEnvironment) -> int:
        """Count the proxies, from the last address backwards to the first that is none of ours."""
        said = [each.strip() for each in environ.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        hops = 1
        while hops < min(len(said), HOPS_MAX - 1) and self._is_trusted(said[-hops]):
            hops += 1
        return hops

    def _is_trusted(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._trusted)
