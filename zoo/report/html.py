"""``report.html``: one self-contained page about a run, written from its plain records."""

from __future__ import annotations

import base64
import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.report.adaptation import choices
from zoo.report.comparison import compare, verdict, where, words
from zoo.report.evidence import Evidence
from zoo.report.judged import learning_curve_png, numbers_png, reliability_png
from zoo.report.mistakes import Mistake, read_mistakes
from zoo.report.plots import confusion_png, curves_png
from zoo.report.ranking import points, read_ranking
from zoo.report.record import REPORT, Confusion, RunRecord, read_history, read_record
from zoo.report.scatter import pareto_png, spaces_png

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "report.html.j2"
_SIDES = ("source", "target")
_OUTPUTS = 6  # of which predicted numbers are drawn


def write_report(run_folder: Path) -> Path:
    """Write ``run_folder/report.html`` and return its path.

    The page needs no network and no other file. Everything that came from data is escaped.

    Raises:
        NotAnArtifact: the folder is not a run.
    """
    record = read_record(run_folder)
    page = _render(
        record, read_history(run_folder), read_mistakes(run_folder), read_ranking(run_folder)
    )
    path = run_folder / REPORT
    # Renamed into place, so that an interruption leaves the old page or the new one.
    partial = path.with_name(f".{REPORT}.partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, path)
    return path


def _render(
    record: RunRecord,
    history: list[dict[str, Any]],
    mistakes: list[Mistake],
    ranking: dict[str, Any] | None,
) -> str:
    found = compare(record)
    confusion = next((c for c in record.confusions if c.split == found.split), None)
    evidence = record.evidence or Evidence()
    gap = evidence.gap
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            record=record,
            comparison=found,
            on=where(record, found.split),
            evidence=evidence,
            verdict="" if evidence.verdicts else verdict(record),
            curves=data_uri(curves_png(history, record.headline, record.monitor))
            if len(history) > 1
            else None,
            learning=data_uri(learning_curve_png(evidence.curve)) if evidence.curve else None,
            confusion=confusion,
            confusion_plot=data_uri(confusion_png(confusion)) if confusion else None,
            commonest=_commonest(confusion) if confusion else [],
            columns=list(dict.fromkeys(name for of in evidence.details.values() for name in of)),
            mistakes=mistakes,
            reliability=data_uri(reliability_png(evidence.reliability))
            if evidence.reliability
            else None,
            numbers=[
                (each.output, data_uri(numbers_png(each))) for each in evidence.scatters[:_OUTPUTS]
            ],
            gap=gap,
            gap_plot=data_uri(_spaces(gap)) if gap else None,
            choices=choices(record.adaptation, record.headline) if record.adaptation else [],
            kept=record.adaptation.side if record.adaptation else None,
            ranking=ranking,
            ranking_plot=data_uri(pareto_png(points(ranking), ranking["ranker"]))
            if ranking and points(ranking)
            else None,
            settings=_grouped("settings", record.config),
            chosen=_grouped(
                "chosen on validation", found.results[0].settings if found.results else {}
            ),
            data=_grouped("data", {k: v for k, v in record.data.items() if k != "description"}),
        )
    )


@functools.cache  # templates are compiled once
def environment() -> Environment:
    """Of all pages: whatever is not marked as a page's own is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    made = Environment(
        loader=PackageLoader("zoo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["words"] = words
    made.filters["number"] = number
    return made


def _spaces(gap: dict[str, Any]) -> bytes:
    import numpy as np

    sides = [(gap[side], np.array(gap["plane"][side], dtype=float)) for side in _SIDES]
    return spaces_png(sides, gap["explained"])


def _commonest(confusion: Confusion, most: int = 8) -> list[tuple[str, str, int]]:
    """The commonest confusions: true label, predicted label, count."""
    pairs = [
        (confusion.labels[row], confusion.labels[column], count)
        for row, counts in enumerate(confusion.counts)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:most]


def _grouped(title: str, facts: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Facts as texts under ``title``, nested ones under a title of their own; no empty group."""
    own = {words(key): _text(v) for key, v in facts.items() if not isinstance(v, dict)}
    groups = {title: {name: text for name, text in own.items() if text}}
    for key, value in facts.items():
        if isinstance(value, dict):
            groups |= _grouped(words(key), value)
    return {name: group for name, group in groups.items() if group}


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def number(value: float) -> str:
    """Four decimals, or as many digits where a metric is large."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def data_uri(png: bytes) -> str:
    """A plot as the ``src`` of an image, so that the page needs no other file."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
