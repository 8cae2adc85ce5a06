"""The settings that tests run under."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.config import Rate, Settings
from app.db.database import Database

PLENTY = Rate(10_000, 100_000)
"""So many requests that no test but those of the limits meets them."""


def make_settings(database: Database, folder: Path, **changes: Any) -> Settings:
    """Give settings for a database and a data folder."""
    given: dict[str, Any] = {
        "environment": "embedded",
        "database_url": database.url,
        "secret_key": "a key for tests only, long enough to pass",
        "data_folder": folder,
        "secure_cookies": False,
        "session_hours": 12,
        "idle_minutes": 120,
        "log_format": "json",
        "sandbox_rate": PLENTY,
        "live_rate": PLENTY,
        "page_rate": PLENTY,
        "allows_private_webhooks": False,
        "testing": True,
    }
    return Settings(**{**given, **changes})
