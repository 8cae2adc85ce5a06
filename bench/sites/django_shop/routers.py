"""Which database a model of the Django project is in."""

from __future__ import annotations

from typing import Any


class ShopRouter:
    """The shop's tables are in the shop's database, and Django's own in another one."""

    def db_for_read(self, model: Any, **_hints: Any) -> str | None:
        """Give the name of the database of a model."""
        return "shop" if model._meta.app_label == "django_shop" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, *_words: Any, **_hints: Any) -> bool:
        """Say whether Django may make tables in a database."""
        return db == "default"
