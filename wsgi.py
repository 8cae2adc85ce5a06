"""The WSGI application: `app`, for any WSGI server and for `flask --app wsgi`."""

from __future__ import annotations

import gc
import os
import sys

# Nothing that is loaded becomes garbage, and looking for some makes the start a fifth of a second
# longer, in which a till gets no answer.
gc.disable()

from app.config import SettingsError, from_environment  # noqa: E402 - after the line above
from app.factory import create_app  # noqa: E402

try:
    app = create_app(from_environment(os.environ))
except SettingsError as error:
    sys.exit(f"Regulars can't start. {error}")

# What is loaded by now stays for good. Without this, every full collection walks all of it, which
# takes 0.15 seconds in the middle of somebody's request.
gc.freeze()
gc.enable()
