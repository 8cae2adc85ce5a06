"""The WSGI application: `app`, for any WSGI server and for `flask --app wsgi`."""

from __future__ import annotations

import gc
import os
import sys

from app.config import SettingsError, from_environment
from app.factory import create_app

try:
    app = create_app(from_environment(os.environ))
except SettingsError as error:
    sys.exit(f"Regulars can't start. {error}")

# What is loaded by now stays for good. Without this, every full collection walks all of it, which
# takes 0.15 seconds in the middle of somebody's request.
gc.collect()
gc.freeze()
