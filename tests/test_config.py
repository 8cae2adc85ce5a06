"""Settings: what is refused, what is made, and that the documentation names each one."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from app.config import SettingsError, from_environment

ROOT = Path(__file__).resolve().parent.parent
STRONG = "k3y-of-forty-eight-characters-and-more-0123456789"


def test_the_embedded_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = from_environment({"REGULARS_DATA": str(tmp_path)})
    second = from_environment({"REGULARS_DATA": str(tmp_path)})

    mode = stat.S_IMODE((tmp_path / "secret_key").stat().st_mode)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) >= 32
    assert mode == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("key", ["", "short", "a" * 64, "changeme" * 8])
def test_production_refuses_a_weak_key_and_says_how_to_make_one(tmp_path: Path, key: str) -> None:
    environ = {"REGULARS_ENV": "production", "REGULARS_DATA": str(tmp_path)}

    with pytest.raises(SettingsError, match="token_urlsafe"):
        from_environment({**environ, "REGULARS_SECRET_KEY": key})


def test_production_takes_a_strong_key_and_secures_its_cookies(tmp_path: Path) -> None:
    settings = from_environment(
        {
            "REGULARS_ENV": "production",
            "REGULARS_DATA": str(tmp_path),
            "REGULARS_SECRET_KEY": STRONG,
        }
    )

    assert settings.secure_cookies
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://x"),
        ("REGULARS_SESSION_HOURS", "never"),
        ("REGULARS_SESSION_HOURS", "0"),
        ("REGULARS_SECURE_COOKIES", "maybe"),
        ("REGULARS_ENV", "prod"),
        ("REGULARS_TRUSTED_PROXIES", "nginx"),
        ("REGULARS_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("REGULARS_METRICS", "localhost"),
        ("REGULARS_METRICS", "127.0.0.1:70000"),
    ],
)
def test_an_unusable_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        from_environment({"REGULARS_DATA": str(tmp_path), name: value})


def test_every_setting_is_in_the_table_and_every_row_is_a_setting() -> None:
    code = (ROOT / "app" / "config.py").read_text(encoding="utf-8")
    read = set(re.findall(r'environ(?:\.get\(|,)\s*"([A-Z_]+)"', code))
    table = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE))

    assert read == documented
