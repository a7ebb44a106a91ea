"""What is gathered after a fit: verdicts, calibration, metrics by output, and the worst mistakes."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from zoo.data.dataset import Dataset
from zoo.data.labelling import cells
from zoo.domain.compare import Featured, compared
from zoo.domain.words import lines
from zoo.errors import ZooError
from zoo.model import Prediction, Task
from zoo.model.joint import Joint
from zoo.report.evidence import Bin, Level, Reliability, Scatter, Verdict
from zoo.report.mistakes import Mistake
from zoo.training.baselines import Splits

_BINS = 15  # as the calibration error of the metrics has
_SHOWN = 12  # mistakes
_LOOKED = 2000  # rows at most, of which the worst are shown
_TEXT = 400  # characters of an input
_SIDE = 224  # pixels of an image
_POINTS = 300  # of a scatter, and of each set in the plot of a gap
_GAP_ROWS = 300  # of each set; the tests take products of all pairs


def reliability(task: Task, logits: Tensor, targets: Tensor, split: str) -> Reliability | None:
    """Confidence against frequency; ``None`` for tasks whose answers have no probability."""
    if isinstance(task, Joint) or task.several_units:
        return None
    told = task.decode(logits)
    if not targets.is_floating_point() and targets.ndim == 1 and _have_scores(told):
        sure = np.array([each.score for each in told], dtype=float)
        names = [task.labels[at] for at in targets.tolist()]
        right = np.array([one.label == name for one, name in zip(told, names, strict=True)])
        return _binned(sure, right.astype(float), split, "answers")
    shape = (len(targets), len(task.labels))
    if tuple(targets.shape) == shape and all(len(p.scores) == shape[1] for p in told):
        sure = np.array([[p.scores[name] for name in task.labels] for p in told]).reshape(-1)
        marks = targets.double().numpy().reshape(-1)
        known = ~np.isnan(marks)
        if np.isin(marks[known], (0.0, 1.0)).all():
            return _binned(sure[known], marks[known], split, "labels")
    return None


def _have_scores(told: Sequence[Prediction]) -> bool:
    return bool(told) and all(prediction.score is not None for prediction in told)


def _binned(
    sure: NDArray[np.float64], right: NDArray[np.float64], split: str, of: str
) -> Reliability | None:
    if not len(sure):
        return None
    at = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    bins = [
        Bin(
            confidence=float(sure[at == each].mean()),
            right=float(right[at == each].mean()),
            count=int((at == each).sum()),
        )
        for each in range(_BINS)
        if (at == each).any()
    ]
    error = sum(b.count * abs(b.confidence - b.right) for b in bins) / len(sure)
    return Reliability(split=split, of=of, bins=bins, error=error)


def details(task: Task, logits: Tensor, targets: Tensor) -> dict[str, dict[str, float]]:
    """Metrics of each output: the task's own, else of each class what its confusions say."""
    if isinstance(task, Joint):
        return {}
    own = task.details(logits, targets)
    if own:
        return own
    counts = task.confusion(logits, targets)
    if counts is None:
        return {}
    right, true, told = counts.diagonal().double(), counts.sum(1).double(), counts.sum(0).double()
    precision, recall = right / told.clamp_min(1), right / true.clamp_min(1)
    f1 = 2 * right / (true + told).clamp_min(1)
    return {
        label: {"precision": p, "recall": r, "f1": f, "rows": n}
        for label, p, r, f, n in zip(
            task.labels, *(x.tolist() for x in (precision, recall, f1, true)), strict=True
        )
    }


def scatters(task: Task, logits: Tensor, targets: Tensor, split: str) -> list[Scatter]:
    """True against predicted numbers, of tasks whose predictions have ``values``."""
    if isinstance(task, Joint) or task.several_units or not targets.is_floating_point():
        return []
    told = task.decode(logits[:_POINTS])
    if targets.ndim != 2 or not all("values" in each.data for each in told):
        return []
    found = []
    for at, name in enumerate(task.labels):
        pairs = [
            (true, each.data["values"][name])
            for true, each in zip(targets[:_POINTS, at].tolist(), told, strict=True)
            if true == true  # NaN is a gap
        ]
        if pairs:
            true, predicted = (list(side) for side in zip(*pairs, strict=True))
            found.append(Scatter(split=split, output=name, true=true, predicted=predicted))
    return found


def mistakes(
    task: Task, logits: Tensor, splits: Splits, data: Dataset, split: str
) -> list[Mistake]:
    """The rows of the greatest loss, of classes only wrong ones, the worst first."""
    if isinstance(task, Joint):
        return []
    part, labels = splits[split], data.splits[split].labels
    rows = min(len(part), _LOOKED)
    samples = part.ready.samples
    told = task.predictions(logits[:rows], samples[:rows])
    with torch.inference_mode():
        losses = [
            float(task.loss(logits[at : at + 1], part.targets[at : at + 1])) for at in range(rows)
        ]
    wrong = [at for at in range(rows) if _is_wrong(task, told[at], part.targets[at])]
    worst = sorted(wrong, key=lambda at: -losses[at])[:_SHOWN]
    return [
        Mistake(
            row=at,
            true=_short(label_words(labels[at])),
            answer=_short(told[at].label),
            score=told[at].score,
            loss=losses[at],
            **_shown(samples[at]),
        )
        for at in worst
        if losses[at] == losses[at]
    ]


def label_words(label: str) -> str:
    """A label as people read it: of several cells each with the name of its column."""
    found = cells(label)
    if len(found) == 1:
        return next(iter(found.values()))
    return ", ".join(f"{name} {value or '–'}" for name, value in found.items())


def _is_wrong(task: Task, told: Prediction, target: Tensor) -> bool:
    """Of classes whether the answer is another; of anything else there is but more and less wrong."""
    if target.is_floating_point() or target.ndim:
        return True
    return told.label != task.labels[int(target)]


def _shown(sample: Any) -> dict[str, str]:
    if isinstance(sample, Image.Image):
        small = sample.convert("RGB")
        small.thumbnail((_SIDE, _SIDE))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=80)
        return {"image": base64.b64encode(buffer.getvalue()).decode("ascii")}
    if isinstance(sample, str):
        return {"text": _short(sample, _TEXT)}
    if isinstance(sample, (tuple, list)) and all(isinstance(part, str) for part in sample):
        return {"text": " ⟷ ".join(_short(part, _TEXT // 2) for part in sample)}
    return {}


def _short(text: str, most: int = 120) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def gap(
    backbone: str, features: Mapping[str, Tensor], data: Dataset, seed: int
) -> tuple[Verdict, dict[str, Any]] | None:
    """The cheap part of ``zoo gap`` between training and test rows, in features that are there.

    ``None`` where there are too few rows, or nothing varies.
    """
    draw = np.random.default_rng(seed)
    sides = []
    for name in ("train", "test"):
        at = np.sort(draw.permutation(len(features[name]))[:_GAP_ROWS])
        labels = [data.splits[name].labels[each] for each in at]
        sides.append(Featured(name, features[name][at].double().numpy(), labels))
    try:
        found = compared(backbone, sides[0], sides[1], every_class=False, seed=seed)
    except ZooError:
        return None
    said = lines(found)
    level: Level = "warning" if found.differs or found.proportions_differ else "good"
    plain = found.plain()
    plain["plane"] = {
        name: np.round(points[:_POINTS], 3).tolist() for name, points in found.plane.items()
    }
    plain["explained"] = list(found.explained)
    figures = {
        "accuracy": found.classifier.statistic,
        "p": min(found.classifier.p, found.mmd.p),
        "a_distance": found.a_distance,
    }
    text = ("Domain gap: " if level == "warning" else "") + " ".join(said)
    return Verdict(about="gap", level=level, text=text, figures=figures), plain
