"""What the worker removes, and what it leaves."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from app import clock
from app.factory import create_app
from app.services.api_keys import request_log
from app.worker.running import tidy
from tests.cast import Cast
from tests.support.api import Program, make_secret
from tests.support.settings import make_settings


def test_requests_of_more_than_30_days_ago_are_removed(cast: Cast, tmp_path: Path) -> None:
    app = create_app(make_settings(cast.database, tmp_path), cast.database)
    api = Program(app, make_secret(cast))
    for days in (31, 29):
        with clock.set_to(clock.now() - timedelta(days=days)):
            api.get("/loyalty/programs")
    api.logged()

    tidy(cast.database)

    with cast.database.reading() as session:
        kept = request_log.list_requests(session, workspace_id=cast.workspace_id).rows
    assert len(kept) == 1
