"""The command line's groups, each loaded when it is called.

A web server makes the app too, and needs none of them: migrations and backups bring libraries that
would make it a third of a second later back after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click
from flask import Flask
from flask.cli import AppGroup

COMMANDS: Mapping[str, tuple[str, str]] = {
    "access": ("access", "access"),
    "backup": ("backup", "backup"),
    "db": ("database", "group"),
    "keys": ("keys", "group"),
    "ledger": ("ledger", "group"),
    "merchants": ("merchants", "group"),
    "restore": ("backup", "restore"),
    "serve": ("serve", "serve"),
    "staff": ("staff", "group"),
    "worker": ("worker", "worker"),
}
"""Each command's module in `app.cli`, and its name there."""


class Commands(AppGroup):
    """The app's own commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names."""
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command."""
        known = COMMANDS.get(cmd_name)
        if known is None:
            return super().get_command(ctx, cmd_name)
        module, name = known
        command: click.Command = getattr(import_module(f"app.cli.{module}"), name)
        return command


def register(app: Flask) -> None:
    """Give the app its commands."""
    app.cli = Commands("regulars")
