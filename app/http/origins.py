"""Whether a request was made by a page of this installation or by another site.

Browsers say so in headers that no page can forge: `Sec-Fetch-Site` (Fetch Metadata, sent over https
and to localhost) and `Origin` (RFC 6454, sent with each POST). What has neither header comes from a
program or an old browser, and the token in the form decides.
"""

from __future__ import annotations

import re

from flask import Request

from app.errors import PermissionDenied
from app.http.proxies import BY_PROXY

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""

_DEFAULT_PORT = re.compile(r":(80|443)$")


def is_foreign(request: Request) -> bool:
    """Return whether a page of another origin made the request."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        # "none" means that the person did: a bookmark, an address that was typed.
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin")
    return origin is not None and not _names_this_host(origin, request)


def check_act(request: Request) -> None:
    """Check that no other site asks for a change.

    Raises:
        PermissionDenied: one does.
    """
    if request.method not in _SAFE_METHODS and is_foreign(request):
        raise PermissionDenied(
            "This was sent from another website, so nothing was done. Open the page in Regulars "
            "and send it from there."
        )


def may_use_session(request: Request) -> bool:
    """Return whether the request may read and write the session's cookie.

    Of what other sites ask for, only opening a page may: a person follows a link to it.
    """
    return not is_foreign(request) or _opens_page(request)


def _opens_page(request: Request) -> bool:
    # The navigation of a tab is a GET without `Origin`; a frame or an image has another `Dest`.
    is_document = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method in _SAFE_METHODS and is_document and "Origin" not in request.headers


def _names_this_host(origin: str, request: Request) -> bool:
    named = _without_default_port(origin.partition("://")[2])
    here = _without_default_port(request.host)
    if named == here:
        return True
    # A trusted proxy may have passed the host on without its port, as nginx does with `$host`.
    return BY_PROXY in request.environ and re.sub(r":\d+$", "", named) == here


def _without_default_port(host: str) -> str:
    # The scheme is not compared: a proxy that ends TLS may not say that it did.
    return _DEFAULT_PORT.sub("", host.lower())
