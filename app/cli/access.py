"""`flask --app wsgi access`: what each route needs of the person who asks."""

from __future__ import annotations

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
    width = max(len(rule.rule) for rule in rules)
    for rule in rules:
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        click.echo(f"{methods:5} {rule.rule:{width}} {_described(needed[rule.endpoint])}")


def _described(needed: Access) -> str:
    if needed.permission is None:
        return "by its link" if needed.by_link else "public"
    roles = [role for role in STAFF_ROLES if needed.permission in PERMISSIONS[role]]
    exceptions = {
        "not by PIN": not needed.allows_pin,
        "with the password again": needed.reauthentication,
        "before the code": needed.before_code,
        "without a second factor": needed.without_second_factor,
        "ends the sign-in": needed.is_leaving,
        "asked for by pages themselves": needed.is_unattended,
        f"at most {needed.rate.burst} at once" if needed.rate else "": bool(needed.rate),
    }
    words = [words for words, holds in exceptions.items() if holds]
    return "; ".join([f"{needed.permission.value}: {', '.join(roles)}", *words])
