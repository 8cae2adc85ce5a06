"""docs/api.md is run as it stands, against a served shop, so that it cannot rot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.db.database import Database
from app.factory import create_app
from app.models.api_keys import ApiKey
from tests import factories
from tests.cast import Cast
from tests.support.serving import served
from tests.support.settings import make_settings
from tests.support.shops import shop_in

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "api.md").read_text("utf-8")
TIMEOUT_SECONDS = 60


@pytest.fixture
def cast(sqlite: Database) -> Cast:
    """Give the shop."""
    return shop_in(sqlite)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_guide_runs_from_its_first_line_to_its_last(cast: Cast, tmp_path: Path) -> None:
    script = "\n".join(["set -euo pipefail", *blocks("sh"), '"$PYTHON" "$EXAMPLE"'])
    script = script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    example = tmp_path / "example.py"
    example.write_text("\n".join(blocks("python")))
    app = create_app(make_settings(cast.database, tmp_path), cast.database)

    with served(app) as address:
        done = subprocess.run(  # noqa: S603 - our own guide
            ["/bin/bash", "-c", script.replace("http://localhost:8000", address)],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": cast.database.url,
                "REGULARS_DATA": str(tmp_path),
                "PYTHONPATH": str(ROOT / "clients" / "python"),
                "PYTHON": sys.executable,
                "EXAMPLE": str(example),
            },
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "insufficient_points" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["2 -100 50", "1 150 150"]
    assert factories.verify(cast).fault is None
    with cast.database.reading() as session:
        assert session.query(ApiKey).one().name == "My first key"
