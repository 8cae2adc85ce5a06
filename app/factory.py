"""Builds the Flask app. Imported by wsgi.py and the tests only."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import structlog
from flask import Flask, g
from flask_openapi3.openapi import OpenAPI
from htmx_flask import Htmx
from pydantic import ValidationError

from app.api import blueprints as api_blueprints
from app.api import responses as api_responses
from app.api.accounts import blueprint as accounts_api
from app.api.customers import blueprint as customers_api
from app.api.document import INFO, SECURITY_SCHEMES
from app.api.events import blueprint as events_api
from app.api.payments import blueprint as payments_api
from app.api.points import blueprint as points_api
from app.api.programs import blueprint as programs_api
from app.api.redemptions import blueprint as redemptions_api
from app.api.reference import blueprint as reference
from app.api.rewards import blueprint as rewards_api
from app.api.schemas import ErrorBody
from app.api.validation_errors import refusal_of
from app.api.webhook_endpoints import blueprint as webhook_endpoints_api
from app.cli import commands
from app.config import Settings
from app.db.database import Database
from app.http import access, actors, attempts, failures, limits, refusals, request_log, requests
from app.http import database as databases
from app.http.proxies import TrustedProxies
from app.metrics import Metrics
from app.web import context, errors, filters, responses
from app.web.audit.routes import blueprint as audit
from app.web.cards.routes import blueprint as cards
from app.web.counter.routes import blueprint as counter
from app.web.developers.routes import blueprint as developers
from app.web.devices.routes import blueprint as devices
from app.web.health.routes import blueprint as health
from app.web.ledger.routes import blueprint as ledger
from app.web.locations.routes import blueprint as locations
from app.web.members.routes import blueprint as members
from app.web.payments.routes import blueprint as payments
from app.web.pins.routes import blueprint as pins
from app.web.programs.routes import blueprint as programs
from app.web.redemptions.routes import blueprint as redemptions
from app.web.reports.routes import blueprint as reports
from app.web.rewards.routes import blueprint as rewards
from app.web.staff.passkeys import blueprint as passkeys
from app.web.staff.people import blueprint as people
from app.web.staff.routes import blueprint as staff
from app.web.staff.second_factors import blueprint as second_factors
from app.web.webhooks.routes import blueprint as webhooks
from app.worker.running import Worker

API_BLUEPRINTS = (
    programs_api,
    customers_api,
    accounts_api,
    points_api,
    rewards_api,
    redemptions_api,
    events_api,
    webhook_endpoints_api,
)
BLUEPRINTS = (
    reference,
    payments_api,
    health,
    staff,
    second_factors,
    passkeys,
    pins,
    devices,
    locations,
    people,
    audit,
    reports,
    counter,
    cards,
    members,
    ledger,
    redemptions,
    rewards,
    programs,
    developers,
    webhooks,
    payments,
)

REQUEST_BYTES_MAX = 64 * 1024

_ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings, database: Database | None = None) -> Flask:
    """Build the app.

    Args:
        database: one that is open already; otherwise the settings' address is opened.
    """
    app = OpenAPI(
        "regulars",
        info=INFO,
        security_schemes=SECURITY_SCHEMES,
        doc_ui=False,
        validation_error_status=400,
        validation_error_model=ErrorBody,
        validation_error_callback=_refuse,
        root_path=str(_ROOT),
        template_folder=str(_ROOT / "templates"),
        static_folder=str(_ROOT / "static"),
    )
    app.config.update(_flask_settings(settings))
    app.extensions["regulars.settings"] = settings
    app.extensions["regulars.metrics"] = metrics = Metrics()
    app.extensions["regulars.make_worker"] = partial(
        Worker,
        allows_private=settings.allows_private_webhooks,
        hosts=settings.webhook_hosts,
        metrics=metrics,
    )
    databases.install(app.extensions, database or _open_database(settings))
    _configure_logs(settings)
    Htmx(app)
    # The order matters: an id for the log first, then who it is, then whether they may.
    requests.install(app)
    actors.install(app)
    access.install(app)
    for each in (refusals, attempts, filters, responses, context, limits, api_blueprints):
        each.install(app)
    request_log.install(app, databases.of(app.extensions))
    failures.install(app, page=errors.page, json=api_responses.failure)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    for resource in API_BLUEPRINTS:
        app.register_api(resource)
    # It raises if a route does not say what it needs.
    access.routes(app)
    commands.register(app)
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _open_database(settings: Settings) -> Database:
    return Database(settings.database_url, prepares=settings.prepares_statements)


def _refuse(error: ValidationError) -> NoReturn:
    raise refusal_of(error, g.get("json_body")) from None


def _flask_settings(settings: Settings) -> dict[str, Any]:
    # With this prefix a browser takes a cookie from this very host by https, and from nobody else.
    prefix = "__Host-" if settings.secure_cookies else ""
    return {
        "SECRET_KEY": settings.secret_key,
        "SECRET_KEY_FALLBACKS": [settings.secret_key_before] if settings.secret_key_before else [],
        "TESTING": settings.testing,
        "MAX_CONTENT_LENGTH": REQUEST_BYTES_MAX,
        "MAX_FORM_MEMORY_SIZE": REQUEST_BYTES_MAX,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=settings.session_hours),
        "SESSION_COOKIE_NAME": f"{prefix}regulars",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.secure_cookies,
        "SEND_FILE_MAX_AGE_DEFAULT": requests.STATIC_SECONDS,
        # A form stays good for as long as its sign-in does.
        "WTF_CSRF_TIME_LIMIT": None,
        "SESSION_HOURS": settings.session_hours,
        "IDLE_MINUTES": settings.idle_minutes,
        "DEVICE_COOKIE_NAME": f"{prefix}regulars_till",
    }


def _configure_logs(settings: Settings) -> None:
    renderer: Any = structlog.processors.JSONRenderer()
    if settings.log_format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.WARNING if settings.testing else logging.INFO
        ),
        cache_logger_on_first_use=False,
    )
