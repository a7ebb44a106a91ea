"""The plots of a report that a card shows too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.report.judged import learning_curve_png, numbers_png, reliability_png
from zoo.report.plots import confusion_png, curves_png
from zoo.report.record import RunRecord

CAPTIONS = {
    "confusion.png": "The confusion matrix",
    "numbers.png": "Predicted against true numbers",
    "calibration.png": "How often an answer is right, by how sure the model is of it",
    "training.png": "Loss and metric by epoch",
    "learning-curve.png": "The metric by training rows",
}


def card_plots(
    record: RunRecord | None, history: Sequence[Mapping[str, Any]] = ()
) -> dict[str, bytes]:
    """By file name, those there is something to draw for, on the split that is reported."""
    if record is None:
        return {}
    by_split = {c.split: c for c in record.confusions}
    confusion = by_split.get("test") or by_split.get("val")
    evidence = record.evidence
    drawn = {
        "confusion.png": confusion and confusion_png(confusion),
        "numbers.png": evidence and evidence.scatters and numbers_png(evidence.scatters[0]),
        "calibration.png": evidence
        and evidence.reliability
        and reliability_png(evidence.reliability),
        "training.png": len(history) > 1 and curves_png(history, record.headline, record.monitor),
        "learning-curve.png": evidence and evidence.curve and learning_curve_png(evidence.curve),
    }
    return {name: content for name, content in drawn.items() if content}
