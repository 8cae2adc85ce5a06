"""Paths of our own that a browser may be sent to."""

from __future__ import annotations

import re

PATH_CHARACTERS_MAX = 2_000
"""Proxies take headers of 4 KiB, and refuse an answer with a longer one after the act."""

_OWN_PATH = re.compile(r"/(?![/\\])[^\x00-\x1f\x7f]*")


def safe_path(path: str | None, otherwise: str = "/") -> str:
    """Return a path of our own to go on to, or `otherwise` if it is not a safe path of ours.

    One slash and no backslash after it: browsers read two of either as a host. No control
    characters: browsers drop some of them, and no header can hold a line end.
    """
    is_usable = path and len(path) <= PATH_CHARACTERS_MAX and _OWN_PATH.fullmatch(path)
    return path if path and is_usable else otherwise
