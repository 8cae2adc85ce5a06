"""Django's admin on the tables of Regulars, with a superuser signed in.

The settings are those of `django-admin startproject`, without its debugging, and with connections
that stay open, as the documentation advises.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.test import Client as DjangoClient
from sqlalchemy import make_url
from werkzeug.test import Client

from bench.sites.serving import Order, serve


def open_site(order: Order) -> Client:
    """Build the project, with a small database of its own for who is signed in."""
    settings.configure(**_settings(order))
    django.setup()
    call_command("check", verbosity=0)
    call_command("migrate", verbosity=0)
    person = get_user_model().objects.create_superuser("owner")
    # Django writes a session only through a client of its own.
    browser = DjangoClient()
    browser.force_login(person)
    client = Client(get_wsgi_application())
    name = settings.SESSION_COOKIE_NAME
    client.set_cookie(name, browser.cookies[name].value)
    return client


def _settings(order: Order) -> dict[str, Any]:
    contrib = "django.contrib"
    return {
        "SHOP": order,
        "SECRET_KEY": "no secret",
        "ALLOWED_HOSTS": ["localhost"],
        "ROOT_URLCONF": "bench.sites.django_shop.urls",
        "INSTALLED_APPS": [
            *(f"{contrib}.{app}" for app in ("admin", "auth", "contenttypes", "sessions")),
            *(f"{contrib}.{app}" for app in ("messages", "staticfiles")),
            "bench.sites.django_shop",
        ],
        "MIDDLEWARE": [
            "django.middleware.security.SecurityMiddleware",
            f"{contrib}.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            f"{contrib}.auth.middleware.AuthenticationMiddleware",
            f"{contrib}.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        f"{contrib}.auth.context_processors.auth",
                        f"{contrib}.messages.context_processors.messages",
                    ]
                },
            }
        ],
        "DATABASES": {
            "default": _sqlite(str(Path(order.folder) / "django.db")),
            "shop": _database(order.url),
        },
        "DATABASE_ROUTERS": ["bench.sites.django_shop.routers.ShopRouter"],
        "USE_TZ": True,
        "STATIC_URL": "static/",
    }


def _database(url: str) -> dict[str, Any]:
    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        return _sqlite(parts.database)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.database,
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.host or parts.query.get("host", ""),
        "PORT": parts.port or "",
        "CONN_MAX_AGE": None,
    }


def _sqlite(file: str | None) -> dict[str, Any]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": file, "CONN_MAX_AGE": None}


if __name__ == "__main__":
    serve(open_site)
