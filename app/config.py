"""Settings, read from the environment once at start.

Every setting of the installation lives here; nothing else reads the environment. The table in
`docs/running.md` documents them and is checked against `Settings` by a test.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

SECRET_KEY_CHARACTERS_MIN = 32
"""Shorter keys can be guessed: 32 characters of base64 carry 192 bits."""

_ROOT = Path(__file__).resolve().parent.parent
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


@dataclass(frozen=True)
class Rate:
    """How many requests an API key may make: per second in the long run, and at once."""

    per_second: int
    burst: int

    @property
    def interval(self) -> timedelta:
        """Give the time in which the right to one request comes back."""
        return timedelta(seconds=1 / self.per_second)

    @property
    def longest(self) -> timedelta:
        """Give the time in which the right to all of the burst comes back."""
        return self.interval * self.burst


SANDBOX_RATE = Rate(25, 50)
LIVE_RATE = Rate(100, 200)
PAGE_RATE = Rate(20, 200)
"""Of one person's pages, or of one address's links: no hand is as fast for long."""


_PORT_MOST = 65_535


class SettingsError(Exception):
    """A setting is missing or unusable; the message says which one and what to do."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one installation."""

    environment: str
    database_url: str
    secret_key: str
    data_folder: Path
    secure_cookies: bool
    session_hours: int
    idle_minutes: int
    log_format: str
    sandbox_rate: Rate
    live_rate: Rate
    page_rate: Rate
    allows_private_webhooks: bool
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    metrics_at: tuple[str, int] | None = None
    prepares_statements: bool = True
    secret_key_before: str = ""
    webhook_hosts: tuple[str, ...] = ()
    testing: bool = False

    @property
    def is_production(self) -> bool:
        """Whether the strict start-up checks hold."""
        return self.environment == "production"


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a value is unusable, or production lacks a strong secret key.
    """
    environment = _one_of(environ, "REGULARS_ENV", ("embedded", "production"))
    data_folder = Path(environ.get("REGULARS_DATA") or _ROOT / "instance").resolve()
    return Settings(
        environment=environment,
        database_url=normalised_database_url(environ.get("DATABASE_URL") or "", data_folder),
        secret_key=_secret_key(environ, environment, data_folder),
        data_folder=data_folder,
        secure_cookies=_flag(
            environ, "REGULARS_SECURE_COOKIES", default=environment == "production"
        ),
        session_hours=_whole_number(environ, "REGULARS_SESSION_HOURS", default=12, most=24 * 30),
        idle_minutes=_whole_number(environ, "REGULARS_IDLE_MINUTES", default=120, most=24 * 60),
        log_format=_one_of(environ, "REGULARS_LOG_FORMAT", ("json", "text")),
        sandbox_rate=_rate(environ, "REGULARS_RATE_SANDBOX", SANDBOX_RATE),
        live_rate=_rate(environ, "REGULARS_RATE_LIVE", LIVE_RATE),
        page_rate=_rate(environ, "REGULARS_RATE_PAGES", PAGE_RATE),
        allows_private_webhooks=_flag(environ, "REGULARS_WEBHOOKS_ALLOW_PRIVATE", default=False),
        trusted_proxies=_networks(environ, "REGULARS_TRUSTED_PROXIES"),
        prepares_statements=_flag(environ, "REGULARS_PREPARED_STATEMENTS", default=True),
        metrics_at=_host_and_port(environ, "REGULARS_METRICS"),
        secret_key_before=environ.get("REGULARS_SECRET_KEY_BEFORE", ""),
        webhook_hosts=_names(environ, "REGULARS_WEBHOOK_HOSTS"),
    )


def normalised_database_url(url: str, data_folder: Path) -> str:
    """Give the SQLAlchemy address: SQLite by default, psycopg 3 for PostgreSQL."""
    if not url:
        return f"sqlite:///{data_folder / 'regulars.db'}"
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    if not url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise SettingsError(
            "DATABASE_URL must start with postgresql:// or sqlite:///. "
            "Example: postgresql://regulars:password@localhost/regulars"
        )
    return url


def _secret_key(environ: Mapping[str, str], environment: str, data_folder: Path) -> str:
    key = environ.get("REGULARS_SECRET_KEY", "")
    if key and not _is_strong(key):
        raise SettingsError(f"REGULARS_SECRET_KEY is too weak. {_HOW_TO_MAKE_A_KEY}")
    if key:
        return key
    if environment == "production":
        raise SettingsError(f"REGULARS_SECRET_KEY is not set. {_HOW_TO_MAKE_A_KEY}")
    return _kept_secret_key(data_folder / "secret_key")


_HOW_TO_MAKE_A_KEY = (
    "Make one with:  python3 -c 'import secrets; print(secrets.token_urlsafe(48))'  "
    "and keep it the same for all processes."
)


def _is_strong(key: str) -> bool:
    # A repeated character or a short alphabet is a placeholder, however long it is.
    return len(key) >= SECRET_KEY_CHARACTERS_MIN and len(set(key)) >= SECRET_KEY_CHARACTERS_MIN // 3


def _kept_secret_key(path: Path) -> str:
    """Give the key of the embedded default, made at first start and readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _write_privately(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


def _write_privately(path: Path, text: str) -> None:
    # Linking a finished file refuses to overwrite, so of two processes that start at once the
    # first one's key stays and nobody reads half a key.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    draft.touch(mode=0o600)
    try:
        draft.write_text(text, encoding="utf-8")
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = environ.get(name)
    if value is None:
        return default
    if value.strip().lower() in _TRUE | _FALSE:
        return value.strip().lower() in _TRUE
    raise SettingsError(f"{name} must be 1 or 0, not {value!r}.")


def _whole_number(environ: Mapping[str, str], name: str, *, default: int, most: int) -> int:
    value = environ.get(name, "").strip()
    if not value:
        return default
    if value.isascii() and value.isdigit() and 1 <= int(value) <= most:
        return int(value)
    raise SettingsError(f"{name} must be a whole number from 1 to {most}, not {value!r}.")


def _rate(environ: Mapping[str, str], name: str, default: Rate) -> Rate:
    value = environ.get(name, "").strip()
    if not value:
        return default
    per_second, _, burst = value.partition("/")
    if per_second.isdecimal() and burst.isdecimal() and int(per_second) and int(burst):
        return Rate(int(per_second), int(burst))
    raise SettingsError(f"{name} must be requests per second and burst, such as 25/50.")


def _networks(environ: Mapping[str, str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(
            ip_network(each.strip()) for each in environ.get(name, "").split(",") if each.strip()
        )
    except ValueError as error:
        raise SettingsError(
            f"{name} must be addresses or networks, such as 127.0.0.1, 10.0.0.0/8. {error}."
        ) from None


def _names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    found = tuple(each.strip().lower() for each in environ.get(name, "").split(",") if each.strip())
    if any(set(each) & set("/:@* ") for each in found):
        raise SettingsError(
            f"{name} must be names of hosts, such as hooks.example.com, .partner.example."
        )
    return found


def _host_and_port(environ: Mapping[str, str], name: str) -> tuple[str, int] | None:
    value = environ.get(name, "").strip()
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if port.isascii() and port.isdigit() and 1 <= int(port) <= _PORT_MOST:
        return host.strip("[]") or "127.0.0.1", int(port)
    raise SettingsError(f"{name} must be a port or an address with one, such as 127.0.0.1:9101.")


def _one_of(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = environ.get(name, "").strip() or choices[0]
    if value in choices:
        return value
    raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}.")
