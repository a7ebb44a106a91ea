"""A run's results for people and for programs, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.output import emit_json, emit_table, say

if TYPE_CHECKING:
    from zoo.report.record import RunRecord

FIT_FILE = "fit.toml"  # in a run directory: the fit that repeats it


_COLUMNS = 8  # of metrics, that a terminal has room for


def emit_run(folder: Path, record: RunRecord, *, as_json: bool) -> None:
    """The table of this model beside its baselines, then where everything is."""
    from zoo.report.comparison import compare, verdict, where
    from zoo.report.record import ARTIFACT, REPORT

    if as_json:
        emit_json({"folder": str(folder), **record.model_dump()})
        return
    found = compare(record)
    rows = found.results[0].rows if found.results else 0
    say(f"Results on {where(record, found.split)} ({rows} rows):")
    emit_comparison({result.model: result.metrics for result in found.results}, bold=0)
    judged = record.evidence.verdicts if record.evidence else []
    for each in judged:
        say(f"{each.level.capitalize()}: {each.text}")
    for line in filter(None, ("" if judged else verdict(record), *record.notes)):
        say(f"Note: {line}")
    run = shlex.quote(str(folder))
    say(f"Artifact: {folder / ARTIFACT}")
    say(f"Report:   {folder / REPORT}")
    if (folder / FIT_FILE).is_file():
        say(f"Repeat:   `zoo fit --config {shlex.quote(str(folder / FIT_FILE))}`")
    say(f"Next:     `zoo predict {run} INPUT...` or `zoo push {run} OWNER/NAME`")


def emit_comparison(models: Mapping[str, Mapping[str, float]], *, bold: int | None = None) -> None:
    """Metrics by model as a table: a row a model, a column a metric; turned where those are many."""
    from zoo.report.comparison import words

    names = list(dict.fromkeys(name for metrics in models.values() for name in metrics))
    if len(names) > _COLUMNS:
        turned = [(words(n), *(_number(m.get(n)) for m in models.values())) for n in names]
        emit_table(("metric", *models), turned, right=tuple(models))
        return
    headings = [words(name) for name in names]
    rows = [(model, *(_number(m.get(name)) for name in names)) for model, m in models.items()]
    emit_table(("model", *headings), rows, right=headings, bold=bold)


def emit_metrics(metrics: Mapping[str, float]) -> None:
    """The metrics of one model, a line each."""
    from zoo.report.comparison import words

    rows = [(words(name), _number(value)) for name, value in metrics.items()]
    emit_table(("metric", "value"), rows, right=("value",))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
