"""What a finished fit means, in words and numbers.

Whether it over-fits, whether transfer helped, whether rows are too few, what transfer saved.
Differences are called so where they exceed twice their standard error. That of one model is the
bootstrap's over held-out rows; of a difference the two are taken as independent, which on the same
rows is too careful rather than too bold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.model import Task
from zoo.report.comparison import words
from zoo.report.evidence import LearningCurve, Level, Verdict
from zoo.report.record import THIS_MODEL, Result
from zoo.training.baselines import SCRATCH
from zoo.training.learning_curve import ENOUGH, rows_for

_DRAWS = 40
_ROWS = 400  # of which the bootstrap is made; its error goes with the root of rows
_SURE = 2.0  # standard errors
_MUCH = 0.1  # between training and held-out rows; less is what all models have
_WORTH = 0.01  # of the metric, for twice the rows


@dataclass(frozen=True)
class Measure:
    """The headline metric on some rows, and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3f}"


def measure(task: Task, logits: Tensor, targets: Tensor, seed: int = 0) -> Measure | None:
    """The headline of ``logits``; ``None`` where these rows allow none."""
    value = task.metrics(logits, targets).get(task.headline)
    if value is None or not math.isfinite(value):
        return None
    draw = np.random.default_rng(seed)
    rows = min(len(targets), _ROWS)
    found = []
    for _ in range(_DRAWS):
        at = torch.from_numpy(draw.integers(len(targets), size=rows))
        again = task.metrics(logits[at], targets[at]).get(task.headline, math.nan)
        found.append(again)
    known = [each for each in found if math.isfinite(each)]
    spread = float(np.std(known, ddof=1)) if len(known) > 1 else 0.0
    error = spread * math.sqrt(rows / len(targets)) or _unseen(value, len(targets))
    return Measure(value, error)


def _unseen(share: float, rows: int) -> float:
    """The standard error of a share of which all rows are, or none.

    Drawn from again these give the same, as if there were no doubt; so as of two rows more of each
    kind (Agresti and Coull 1998).
    """
    if share not in (0.0, 1.0):
        return 0.0
    moved = (share * rows + 2) / (rows + 4)
    return math.sqrt(moved * (1 - moved) / (rows + 4))


def over_fitting(
    train: Measure, held: Measure, split: str, headline: str, went: str = ""
) -> Verdict:
    """From the metric on training rows and on held-out ones; ``went`` is what :func:`turned` says."""
    gap, error = train.value - held.value, math.hypot(train.error, held.error)
    figures = {"train": train.value, split: held.value, "gap": gap, "error": error}
    told = f"{words(headline)} is {train} on training rows and {held} on {split}"
    level: Level = "good"
    if gap > max(_MUCH, _SURE * error):
        level, text = "warning", f"Over-fitting: {told}, {gap:.3f} ± {error:.3f} apart."
    elif gap > _SURE * error:
        level, text = "note", f"Slight over-fitting: {told}, {gap:.3f} ± {error:.3f} apart."
    else:
        text = f"No over-fitting to be seen: {told}."
    return Verdict(about="over-fitting", level=level, text=text + went, figures=figures)


def turned(history: Sequence[Mapping[str, Any]], best: int, monitor: str) -> str:
    """Where validation turned, if training went on for some epochs after it."""
    if not history or history[-1]["epoch"] - best < 2:
        return ""
    least, last = (
        next((line["val"].get(monitor) for line in history if line["epoch"] == epoch), None)
        for epoch in (best, history[-1]["epoch"])
    )
    if least is None or last is None or last <= least:
        return ""
    return (
        f" On validation {words(monitor)} was least after epoch {best} ({least:.3f}) and "
        f"{last:.3f} after epoch {history[-1]['epoch']}; the state of epoch {best} was kept."
    )


def transfer(own: Measure, results: Sequence[Result], split: str, headline: str) -> list[Verdict]:
    """The model against each rival on the same rows: better, level, or worse than it."""
    rivals = {r.model: r.metrics.get(headline) for r in results if r.split == split}
    return [
        against(own, model, value, words(headline))
        for model, value in rivals.items()
        if model != THIS_MODEL and value is not None and math.isfinite(value)
    ]


def against(
    own: Measure, rival: str, value: float, metric: str, about: str = "transfer"
) -> Verdict:
    """The model against one rival, of which ``value`` was measured on the same rows."""
    difference, error = own.value - value, own.error * math.sqrt(2)
    figures = {"own": own.value, "rival": value, "difference": difference, "error": error}
    named = (
        f"{metric} {value:.3f}, this model has {own} (difference {difference:+.3f} ± {error:.3f})"
    )
    if difference < -_SURE * error:
        level: Level = "warning"
        text = f"Negative transfer: {rival} is better here: {named}."
    elif difference < 0:
        level, text = "note", f"{rival} is better here, by no more than chance: {named}."
    elif difference <= _SURE * error:
        level, text = "note", f"No better than {rival} beyond chance: {named}."
    else:
        level, text = "good", f"Better than {rival}: {named}."
    return Verdict(about=about, level=level, text=text, figures=figures)


def rows(curve: LearningCurve) -> Verdict:
    """Whether there are too few, by what twice as many would bring."""
    now, ahead = curve.points[-1], curve.ahead
    gain, least, most = (x - now.value for x in (ahead.value, curve.low, curve.high))
    figures = {"rows": now.rows, "gain": gain, "low": least, "high": most}
    metric = words(curve.metric)
    by = f"by the learning curve of {curve.model} on frozen features"
    here, there = f"{now.value:.3f}", f"about {ahead.value:.3f}"
    change = f"bring {metric} on {curve.split} from {here} to {there}"
    if there.endswith(here):
        change = f"leave {metric} on {curve.split} at {there}"
    said = (
        f"{ahead.rows} rows instead of {now.rows} would {change} "
        f"(80%: {curve.low:.3f} to {curve.high:.3f}), {by}."
    )
    level: Level = "note"
    if least > _WORTH:
        level, text = "warning", f"Too little data: {said}"
    elif most < _WORTH:
        level, text = "good", f"Enough rows: {said}"
    else:
        text = f"More rows may help: {said}"
    return Verdict(about="rows", level=level, text=text, figures=figures)


def too_few(count: int) -> Verdict:
    """So few rows that no part of them says anything of a curve."""
    text = (
        f"Too little data to say what more would bring: a learning curve takes {ENOUGH} training "
        f"rows, and here are {count}."
    )
    return Verdict(about="rows", level="note", text=text, figures={"rows": count})


def saved(
    own: Measure, scratch: Result, seconds: float, curve: LearningCurve | None, headline: str
) -> Verdict | None:
    """What transfer saved against training from random weights, in rows and in time."""
    value = scratch.metrics.get(headline)
    if value is None:
        return None
    taken = float(scratch.settings.get("seconds", 0.0))
    metric = words(headline)
    figures = {"own": own.value, "scratch": value, "seconds": seconds, "scratch_seconds": taken}
    text = (
        f"From random weights the same network reaches {metric} {value:.3f} in {taken:.0f} s; "
        f"this model {own} in {seconds:.0f} s."
    )
    if curve is not None and curve.split == scratch.split:
        enough, of = rows_for(curve, value), curve.points[-1].rows
        if enough is not None:
            figures["rows"] = enough
            most = "at most " if enough <= curve.points[0].rows else "about "
            text += f" Frozen features reach {value:.3f} with {most}{enough:.0f} rows of {of}."
        else:
            text += f" Frozen features do not reach {value:.3f} with all {of} rows."
    level: Level = "good" if own.value > value else "warning"
    return Verdict(about="saved", level=level, text=text, figures=figures)


def scratch_of(results: Sequence[Result], split: str) -> Result | None:
    """The result of the same architecture from random weights, if it was trained."""
    return next((r for r in results if r.model == SCRATCH and r.split == split), None)
