"""`flask --app wsgi access`: what each route needs of the person who asks."""

from __future__ import annotations

from dataclasses import fields

import click
from flask.cli import ScriptInfo

from app.http.access import Access, routes
from app.rules.actors import PERMISSIONS, STAFF_ROLES


@click.command()
@click.pass_obj
def access(script: ScriptInfo) -> None:
    """Print each route, the permission that it needs and the roles that have it."""
    app = script.load_app()
    needed = routes(app)
    rules = sorted(
        (rule for rule in app.url_map.iter_rules() if rule.endpoint in needed),
        key=lambda rule: (rule.rule, rule.endpoint),
    )
    for rule in rules:
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        click.echo(f"{methods:5} {rule.rule:52} {_described(needed[rule.endpoint])}".rstrip())


def _described(needed: Access) -> str:
    if needed.permission is None:
        return "by its link" if needed.by_link else "public"
    roles = [role for role in STAFF_ROLES if needed.permission in PERMISSIONS[role]]
    exceptions = [
        each.name.replace("_", " ").removeprefix("is ")
        for each in fields(needed)
        if each.name not in {"permission", "pending_at"}
        and getattr(needed, each.name) != each.default
    ]
    words = [f"{needed.permission.value}: {', '.join(roles)}", *exceptions]
    return "; ".join(words).replace("by pin", "not by PIN")
