"""``zoo plugin``: each command of the group has a module of its own."""

from __future__ import annotations

import typer

from zoo.cli.plugin_install import install, uninstall

app = typer.Typer(help="Write, check, install and remove plugins.", no_args_is_help=True)
app.command()(install)
app.command()(uninstall)
