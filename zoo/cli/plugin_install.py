"""``zoo plugin install`` and ``zoo plugin uninstall``."""

from __future__ import annotations

from typing import Annotated

import typer


def install(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="PACKAGE...",
            help="What pip takes: names, paths, wheels; after `--` also pip's own options.",
        ),
    ],
    upgrade: Annotated[
        bool, typer.Option("--upgrade", "-U", help="Take the newest where it is installed already.")
    ] = False,
    editable: Annotated[
        bool, typer.Option("--editable", "-e", help="Install source trees in place.")
    ] = False,
) -> None:
    """Install plugins with pip into the environment that zoo runs in, and see that they work."""
    from zoo.cli import environment

    options = ["--upgrade"] if upgrade else []
    environment.install([*options, *(_in_place(what) if editable else what)])


def uninstall(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Plugins or distributions, as `zoo plugins` shows."),
    ],
) -> None:
    """Remove the distributions that provide plugins, broken ones included, and say what remains."""
    from zoo.cli import environment

    environment.uninstall(names)


def _in_place(what: list[str]) -> list[str]:
    return [word for name in what for word in ([name] if name.startswith("-") else ["-e", name])]
