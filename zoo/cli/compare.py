"""``zoo compare``: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import options, writing
from zoo.cli.output import count, emit_json, emit_table, say
from zoo.errors import BadSetting

if TYPE_CHECKING:
    from zoo.report.versus import Versus


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Directories that `zoo fit` wrote.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Also write the comparison as this .html page.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace what is at --out.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Hold runs of one task against each other: results, what differs, verdicts.

    For example: zoo compare runs/lora runs/probe --out compared.html
    """
    if out is not None:
        if out.suffix != ".html":
            raise BadSetting(f"--out {str(out)!r} is no .html.", hint="Name a page such as a.html.")
        writing.require_free(out, overwrite=overwrite)
    from zoo.report.versus import versus, write_versus

    found = versus(runs)
    if as_json:
        emit_json(found.plain())
    else:
        _show(found)
    if out is not None:
        with writing.replacing(out) as partial:
            write_versus(found, partial)
        say(f"Wrote {out}.")


def _show(found: Versus) -> None:
    from zoo.report.comparison import words

    say(f"Results on {found.split}, the best by {words(found.headline)} first:")
    metrics = found.metrics[:_METRICS]
    headings = ("run", "backbone", "adapter", *map(words, metrics), "trained", "seconds")
    rows = []
    for side in found.sides:
        own = side.metrics(found.split)
        values = [f"{own[name]:.4f}" if name in own else None for name in metrics]
        record = side.record
        trained, seconds = count(record.trainable_parameters), f"{record.seconds:.1f}"
        rows.append((side.name, record.backbone, record.adapter, *values, trained, seconds))
    emit_table(headings, rows, right=headings[3:], bold=0)
    for name, facts in found.differing.items():
        told = ", ".join(f"{s.name} {v}" for s, v in zip(found.sides, facts, strict=True))
        say(f"Differs: {name}: {told}")
    for note in found.notes:
        say(f"Note: {note}")


_METRICS = 4  # that a terminal has room for
