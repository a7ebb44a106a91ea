"""``zoo fit --find-lr``: a learning rate to begin with, and the picture behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli.output import emit, emit_json, say
from zoo.cli.writing import replacing, require_free

if TYPE_CHECKING:
    from zoo.data.dataset import Dataset
    from zoo.model import ComposedModel


def suggest(
    model: ComposedModel,
    dataset: Dataset,
    plot: Path,
    training: Mapping[str, Any],
    *,
    as_json: bool,
) -> None:
    """Run the range test, draw it, and print the rate."""
    from zoo import progress
    from zoo.report.plots import rates_png
    from zoo.training.find_lr import find_lr

    require_free(plot, overwrite=True)
    found = find_lr(model, dataset, progress=progress.default(), **training)
    with replacing(plot) as partial:
        partial.write_bytes(rates_png(found.rates, found.losses, found.suggested))
    if as_json:
        emit_json({"lr": found.suggested, "rates": found.rates, "losses": found.losses})
        return
    emit(f"{found.suggested:g}")
    say(f"Loss by learning rate: {plot}")
    say(f"Next: the same command with `--lr {found.suggested:g}` in place of `--find-lr`")
