"""A model beside its baselines: the table every run is judged by. No torch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.report.adaptation import TARGET
from zoo.report.record import THIS_MODEL, Result, RunRecord

_CAPITALS = re.compile(r"\b(f1|mae|rmse|r2|auroc)\b")


@dataclass(frozen=True)
class Comparison:
    """Results on one split, this model first.

    Attributes:
        split: ``test``, or ``val`` where there is no test.
        metrics: names, the headline first.
        results: one a model.
        lower: the metrics of which less is better.
    """

    split: str
    metrics: tuple[str, ...]
    results: tuple[Result, ...]
    lower: frozenset[str] = frozenset()

    def best(self, metric: str) -> float | None:
        """The best value any model reached; ``None`` where none has the metric."""
        values = [r.metrics[metric] for r in self.results if metric in r.metrics]
        choose = min if metric in self.lower else max
        return choose(values, default=None)


def compare(record: RunRecord) -> Comparison:
    """The results on the split that counts; an interrupted run has none on ``test``."""
    own = [r.split for r in record.results if r.model == THIS_MODEL]
    split = "test" if "test" in own else "val"
    results = [r for r in record.results if r.split == split]
    results.sort(key=lambda r: r.model != THIS_MODEL)
    names = dict.fromkeys(name for r in results for name in r.metrics)
    metrics = sorted(names, key=lambda name: name != record.headline)
    return Comparison(split, tuple(metrics), tuple(results), frozenset(record.lower))


def where(record: RunRecord, split: str) -> str:
    """What people call the rows of a split: of a fit for a target there are the source's, too."""
    return f"the source's {split}" if record.adaptation and split != TARGET else split


def verdict(record: RunRecord) -> str:
    """One line where a baseline does better than this model; empty where none does."""
    found = compare(record)
    if not found.results or found.results[0].model != THIS_MODEL:
        return ""
    own = found.results[0].metrics.get(record.headline)
    better = _better(found.results[1:], record.headline, own)
    if own is None or better is None:
        return ""
    value = better.metrics[record.headline]
    metric = words(record.headline)
    return f"{better.model} is better here: {metric} {value:.3f}, this model has {own:.3f}."


def words(metric: str) -> str:
    """A metric's name as people read it: ``macro_f1`` is "macro F1"."""
    plain = metric.replace("_", " ")
    return _CAPITALS.sub(lambda match: match[0].upper(), plain)


def _better(results: Sequence[Result], metric: str, own: float | None) -> Result | None:
    if own is None:
        return None
    rivals = [r for r in results if r.metrics.get(metric, float("-inf")) > own]
    return max(rivals, key=lambda r: r.metrics[metric], default=None)
