"""``zoo evaluate``: how good a model is on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import options, results, sources
from zoo.cli.output import emit_json, say, say_each
from zoo.cli.writing import replacing, require_free
from zoo.errors import Incompatible

if TYPE_CHECKING:
    from zoo.training.evaluate import Evaluation


def evaluate(
    artifact: options.Artifact,
    data: options.Data,
    split: Annotated[
        str | None, typer.Option(help="Which split of DATA; the test split where there is one.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the confusion matrix as a PNG.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Of a model with several tasks, the one to measure.")
    ] = None,
    revision: options.Revision = None,
    locked: options.Locked = False,
    weights: options.Weights = None,
    input_column: options.InputColumn = None,
    label_column: options.LabelColumn = None,
    skip_bad: options.SkipBad = False,
    convert: options.Convert = False,
    batch_size: options.BatchSize = 32,
    as_json: options.Json = False,
) -> None:
    """Evaluate a model on DATA, by the metrics of its task."""
    from zoo import progress
    from zoo.data.load import load_for_evaluation
    from zoo.training.evaluate import evaluate as measure

    if plot is not None:
        require_free(plot, overwrite=True)
    tell = progress.default()
    model = sources.open_model(
        artifact, progress=tell, revision=revision, locked=locked, weights=weights
    )
    chosen = model.chosen(task)
    rows = load_for_evaluation(
        data,
        task=chosen.labelling,
        split=split,
        labels=chosen.labels,
        input_column=input_column,
        label_column=label_column,
        skip_bad=skip_bad,
        contract=model.backbone.contract,
        convert=convert,
        progress=tell,
    )
    say_each(rows.describe())
    if rows.name in ("train", "val"):
        say("A model fitted on this data has seen these rows; only test rows say how good it is.")
    found = measure(model, rows, task=chosen.name, batch_size=batch_size, progress=tell)
    if plot is not None:
        _write_plot(plot, found)
    if as_json:
        emit_json(_as_data(found))
        return
    results.emit_metrics(found.metrics)
    if plot is not None:
        say(f"Plot: {plot}")


def _write_plot(path: Path, found: Evaluation) -> None:
    from zoo.report.plots import confusion_png
    from zoo.report.record import Confusion

    if found.confusion is None:
        raise Incompatible("This task has no confusion matrix.", hint="Leave out --plot.")
    png = confusion_png(
        Confusion(split=found.split, labels=list(found.labels), counts=found.confusion)
    )
    with replacing(path) as partial:
        partial.write_bytes(png)


def _as_data(found: Evaluation) -> dict[str, Any]:
    return {
        "split": found.split,
        "rows": found.rows,
        "headline": found.headline,
        "metrics": found.metrics,
        "labels": found.labels,
        "confusion": found.confusion,
    }
