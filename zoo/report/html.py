"""``report.html``: one self-contained page about a run, written from its plain records."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from zoo.report.comparison import compare, verdict, words
from zoo.report.plots import confusion_png, curves_png
from zoo.report.record import REPORT, Confusion, RunRecord, read_history, read_record

TEMPLATE = "report.html.j2"


def write_report(run_folder: Path) -> Path:
    """Write ``run_folder/report.html`` and return its path.

    The page needs no network and no other file. Everything that came from data is escaped.

    Raises:
        NotAnArtifact: the folder is not a run.
    """
    record = read_record(run_folder)
    page = _render(record, read_history(run_folder))
    path = run_folder / REPORT
    # Renamed into place, so that an interruption leaves the old page or the new one.
    partial = path.with_name(f".{REPORT}.partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, path)
    return path


def _render(record: RunRecord, history: list[dict[str, Any]]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("zoo.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = words
    environment.filters["number"] = _number
    found = compare(record)
    confusion = next((c for c in record.confusions if c.split == found.split), None)
    return environment.get_template(TEMPLATE).render(
        record=record,
        comparison=found,
        verdict=verdict(record),
        curves=_data_uri(curves_png(history, record.headline, record.monitor))
        if len(history) > 1
        else None,
        confusion=confusion,
        confusion_plot=_data_uri(confusion_png(confusion)) if confusion else None,
        mistakes=_mistakes(confusion) if confusion else [],
        settings=_grouped("settings", record.config),
        chosen=_grouped("chosen on validation", found.results[0].settings if found.results else {}),
        data=_grouped("data", {k: v for k, v in record.data.items() if k != "description"}),
    )


def _mistakes(confusion: Confusion, most: int = 8) -> list[tuple[str, str, int]]:
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


def _number(value: float) -> str:
    """Four decimals, or as many digits where a metric is large."""
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.4g}"


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
