"""How the metric grows with rows, on frozen features, and what twice as many would bring."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.errors import ZooError
from zoo.model import Adapter, Larger, Solution, Task
from zoo.report.evidence import CurvePoint, LearningCurve
from zoo.training import baselines
from zoo.training.baselines import Splits
from zoo.training.prepared import PreparedSplit, Some

_SHARES = (4, 2)  # of all rows: a quarter, a half
_DRAWS = 2  # of each
_FEWEST = 16  # rows; fewer say nothing of a curve
ENOUGH = max(_SHARES) * _FEWEST  # rows for which there is a curve
_EXPONENTS = (0.25, 0.5, 1.0)  # error falls as rows to the power of one of these
_SAMPLES = 2000
_INTERVAL = (10, 90)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Fits:
    """Fits of an adapter on some of the rows."""

    adapter: Adapter
    task: Task
    splits: Splits
    features: Mapping[str, Tensor]
    split: str  # that is measured on
    seed: int

    def of(
        self, rows: NDArray[np.int64], larger: Larger | None = None
    ) -> tuple[float | None, Solution | None]:
        """The headline after fitting on some rows, and how; ``None`` where these allow no fit."""
        train, at = self.splits["train"], np.sort(rows)
        some = PreparedSplit("train", Some(train.ready, at.tolist()), train.targets[at])
        splits = {**self.splits, "train": some}
        features = {**self.features, "train": self.features["train"][at]}
        try:
            with torch.random.fork_rng(devices=[]):  # a head's first weights move nobody's draws
                head = self.task.head(features["train"].shape[1])
            solution, logits = baselines.solve(
                self.adapter,
                self.task,
                head,
                splits,
                features,
                self.seed,
                refit=False,
                larger=larger,
            )
            found = self.task.metrics(logits[self.split], self.splits[self.split].targets)
        except ZooError:
            return None, None
        return _finite(found.get(self.task.headline)), solution


@dataclass(frozen=True)
class Measured:
    """Values of the metric after training on so many rows, one entry a fit."""

    rows: tuple[int, ...]
    values: tuple[float, ...]


def learning_curve(
    adapter: Adapter,
    task: Task,
    splits: Splits,
    features: Mapping[str, Tensor],
    split: str,
    seed: int,
    *,
    chosen: Mapping[str, Any] | None = None,
) -> LearningCurve | None:
    """The curve of ``adapter``, which is fitted on frozen features; ``None`` for too few rows.

    Args:
        adapter: fits heads.
        task: not one whose inputs are of several units.
        splits, features: of all rows.
        split: that is measured on.
        seed: draws rows.
        chosen: hyper-parameters that the adapter has chosen for all rows; without any it does so here.
    """
    total = len(splits["train"])
    if total < ENOUGH:
        return None
    sizes = [total // share for share in _SHARES]
    fits = _Fits(adapter, task, splits, features, split, seed)
    known = Larger(total, chosen) if chosen else None
    everything, solution = fits.of(np.arange(total), known)
    if everything is None or solution is None:
        return None
    larger = Larger(total, solution.chosen)
    found: list[tuple[int, float]] = []
    for draw in range(_DRAWS):
        order = np.random.default_rng((seed, draw)).permutation(total)
        found += [
            (size, value)
            for size in sizes
            if (value := fits.of(order[:size], larger)[0]) is not None
        ]
    if len({size for size, _ in found}) < 2:
        return None
    found.append((total, everything))
    measured = Measured(tuple(size for size, _ in found), tuple(value for _, value in found))
    # No metric of the built-in tasks that reads "higher is better" exceeds 1.
    most = 1 - everything if max(measured.values) <= 1 else np.inf
    gain, low, high = (min(each, most) for each in ahead(measured, total, 2 * total, seed))
    return LearningCurve(
        model=adapter.spec.name,
        split=split,
        metric=task.headline,
        points=[_point(measured, size) for size in (*sizes, total)],
        ahead=CurvePoint(rows=2 * total, value=everything + gain, spread=(high - low) / 2.56),
        low=everything + low,
        high=everything + high,
    )


def ahead(measured: Measured, rows: int, more: int, seed: int) -> tuple[float, float, float]:
    """What going from ``rows`` to ``more`` adds: the median, and the ends of 80%.

    The curve is a - b n^-c with b ≥ 0, fitted by least squares for several c. What the fits leave open
    in b, and the choice of c, make the interval.
    """
    sizes, values = np.array(measured.rows, dtype=float), np.array(measured.values)
    draw = np.random.default_rng(seed)
    gains = [
        np.maximum(slope + error * draw.standard_t(len(sizes) - 2, _SAMPLES), 0)
        * (rows**-exponent - more**-exponent)
        for exponent in _EXPONENTS
        for slope, error in [_slope(sizes**-exponent, values)]
    ]
    low, middle, high = np.percentile(np.concatenate(gains), (_INTERVAL[0], 50, _INTERVAL[1]))
    return float(middle), float(low), float(high)


def rows_for(curve: LearningCurve, value: float) -> float | None:
    """With how many rows the curve reaches ``value``; ``None`` where it does not within all rows.

    Between two points it is a line over the logarithm of rows; the first point's rows where that is
    there already.
    """
    before: CurvePoint | None = None
    for point in curve.points:
        if point.value >= value:
            if before is None or point.value <= before.value:
                return float(point.rows)
            share = (value - before.value) / (point.value - before.value)
            return float(before.rows * (point.rows / before.rows) ** share)
        before = point
    return None


def _finite(value: float | None) -> float | None:
    return value if value is not None and np.isfinite(value) else None


def _slope(fell: Array, values: Array) -> tuple[float, float]:
    """B of ``values = a - b · fell`` and its standard error."""
    centred = -(fell - fell.mean())
    length = float(centred @ centred)
    slope = float(centred @ values) / length
    left = values - values.mean() - slope * centred
    return slope, float(np.sqrt(left @ left / (len(values) - 2) / length))


def _point(measured: Measured, size: int) -> CurvePoint:
    values: Sequence[float] = [
        value for rows, value in zip(measured.rows, measured.values, strict=True) if rows == size
    ]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return CurvePoint(rows=size, value=float(np.mean(values)), spread=spread)
