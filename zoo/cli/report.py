"""``zoo report``: write a run's HTML page again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.output import emit, say


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A directory that `zoo fit` wrote.")],
) -> None:
    """Write the HTML report of a run, and print where it is."""
    from zoo.report.html import write_report

    emit(str(write_report(run)))
    say("Open it in a browser; it needs no network.")
