"""A run: what a fit leaves behind, in memory and on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.model import ComposedModel
from zoo.report.adaptation import TARGET
from zoo.report.record import THIS_MODEL, RunRecord


@dataclass(frozen=True)
class Run:
    """A finished fit: its folder, its record, and the model at its best state."""

    folder: Path
    record: RunRecord
    model: ComposedModel

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics of the model on the target, else on the test split, else on validation."""
        own = {r.split: r.metrics for r in self.record.results if r.model == THIS_MODEL}
        return own.get(TARGET) or own.get("test") or own["val"]

    def report(self) -> Path:
        """The run's HTML report, written if it is not there yet."""
        from zoo.report.html import write_report
        from zoo.report.record import REPORT

        path = self.folder / REPORT
        return path if path.exists() else write_report(self.folder)
