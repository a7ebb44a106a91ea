"""``zoo plugin new``: a package to begin with."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.output import emit, say


class Kind(StrEnum):
    """What the new plugin is to provide."""

    backbone = "backbone"
    adapter = "adapter"
    task = "task"


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What to call the distribution, e.g. zoo-birds.")
    ],
    kind: Annotated[Kind, typer.Option(help="What it provides.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to; by default a folder of its name.")
    ] = None,
) -> None:
    """Write a complete plugin that passes its own tests, to be changed into yours.

    For example: zoo plugin new zoo-birds --kind backbone
    """
    from zoo.cli.scaffold import names_of, require_free, write

    names = names_of(name)
    require_free(names)
    folder = out or Path(names.distribution)
    files = write(folder, names, kind.value)
    if names.distribution != name:
        say(f"Called {names.distribution}, since {name!r} is no name of a distribution.")
    for file in files:
        emit(str(folder / file))
    say(f"Next: `pip install -e {folder}`, `pytest {folder}`, `zoo plugin check {names.short}`.")
