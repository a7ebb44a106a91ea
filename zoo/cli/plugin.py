"""``zoo plugin``: each command of the group has a module of its own."""

from __future__ import annotations

import typer

from zoo.cli.plugin_check import check
from zoo.cli.plugin_install import install, uninstall
from zoo.cli.plugin_new import new

app = typer.Typer(help="Write, check, install and remove plugins.", no_args_is_help=True)
app.command()(new)
app.command()(check)
app.command()(install)
app.command()(uninstall)
