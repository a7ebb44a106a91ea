"""A finished fit judged: its verdicts, the figures behind them, and its worst mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from zoo.model import Task
from zoo.model.joint import Joint, logits_of
from zoo.progress import Silent
from zoo.report.comparison import words
from zoo.report.evidence import Evidence, LearningCurve, Verdict
from zoo.report.mistakes import Mistake
from zoo.training import evidence, verdicts
from zoo.training.baselines import baseline_adapter
from zoo.training.jointly import TWINS
from zoo.training.learning_curve import ENOUGH, learning_curve
from zoo.training.prepared import Some

if TYPE_CHECKING:
    from zoo.training.job import Job

_TRAIN_ROWS = 500  # on which the metric of training rows is measured
_QUICK = 500_000  # values of features, of which a learning curve takes seconds

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class Fitted:
    """What a fit has come to, as far as it is judged.

    Attributes:
        logits: on what is held out.
        features: frozen, by split; empty where the head sits on none.
        history: a line an epoch, and whose state was kept.
        seconds: that the model itself took.
    """

    logits: Tensors
    features: Tensors
    history: Sequence[Mapping[str, Any]]
    best_epoch: int
    seconds: float


def judge(job: Job, fitted: Fitted) -> tuple[Evidence, list[Mistake]]:
    """All that can be said of it at small cost; the learning curve too where it is asked for."""
    if job.model.language:  # texts are judged by whoever reads them
        return Evidence(), []
    task, config = job.task, job.config
    split = "test" if "test" in fitted.logits else "val"
    logits, targets = fitted.logits[split], job.splits[split].targets
    own = verdicts.measure(task, logits, targets, config.seed)
    curve = _curve(job, fitted, split)
    found = [] if own is None else _about(job, fitted, own, split, curve)
    found += job.further_verdicts()
    gap = _gap(job, fitted)
    return (
        Evidence(
            verdicts=sorted([*found, *([gap[0]] if gap else [])], key=_urgency),
            curve=curve,
            reliability=evidence.reliability(task, logits, targets, split),
            details=evidence.details(task, logits, targets),
            scatters=evidence.scatters(task, logits, targets, split),
            gap=gap[1] if gap else None,
        ),
        evidence.mistakes(task, logits, job.splits, job.dataset, split),
    )


def _urgency(verdict: Verdict) -> int:
    """Warnings are read first."""
    return ("warning", "note", "good").index(verdict.level)


def _about(
    job: Job, fitted: Fitted, own: verdicts.Measure, split: str, curve: LearningCurve | None
) -> list[Verdict]:
    headline = job.task.headline
    found = verdicts.transfer(own, job.results, split, headline)
    found += _each_alone(job, fitted, split)
    train = _on_training_rows(job)
    if train is not None:
        went = verdicts.turned(fitted.history, fitted.best_epoch, job.task.monitor)
        found.append(verdicts.over_fitting(train, own, split, headline, went))
    if curve is not None:
        found.append(verdicts.rows(curve))
    elif _has_curve(job, fitted) and len(job.splits["train"]) < ENOUGH:
        found.append(verdicts.too_few(len(job.splits["train"])))
    scratch = verdicts.scratch_of(job.results, split)
    saved = scratch and verdicts.saved(own, scratch, fitted.seconds, curve, headline)
    return [*found, saved] if saved else found


def _each_alone(job: Job, fitted: Fitted, split: str) -> list[Verdict]:
    """Each of several tasks against its single-task twin, where there are such."""
    twins = next((r for r in job.results if (r.model, r.split) == (TWINS, split)), None)
    if twins is None or not isinstance(job.task, Joint):
        return []
    found = []
    for name, rows, _, targets in job.task.each(fitted.logits[split], job.splits[split].targets):
        part = job.task.parts[name]
        alone = twins.metrics.get(f"{name}.{part.headline}")
        own = verdicts.measure(part, rows, targets, job.config.seed) if len(targets) else None
        if own is not None and alone is not None:
            found.append(verdicts.against(own, f"{name} alone", alone, words(part.headline)))
    return found


def _on_training_rows(job: Job) -> verdicts.Measure | None:
    """The headline of the model as it is now, on some rows that it was trained on."""
    train = job.splits["train"]
    order = np.random.default_rng(job.config.seed).permutation(len(train))
    rows = np.sort(order[:_TRAIN_ROWS]).tolist()
    with job.reuse.active():
        some = train.ready if len(rows) == len(train) else Some(train.ready, rows)
        logits = logits_of(job.task, job.model.logits(some, progress=Silent()))
    return verdicts.measure(job.task, logits, train.targets[torch.tensor(rows)], job.config.seed)


def _curve(job: Job, fitted: Fitted, split: str) -> LearningCurve | None:
    """By the baseline on frozen features, where these are few or it was asked for."""
    adapter, asked = baseline_adapter(), "curve" in job.config.baselines
    if adapter is None or not _has_curve(job, fitted):
        return None
    if fitted.features["train"].numel() > _QUICK and not asked:
        job.notes.append(
            "No learning curve: there is much data, and `--baseline curve` would compute it."
        )
        return None
    return learning_curve(
        adapter, job.task, job.splits, fitted.features, split, job.config.seed, chosen=job.chosen
    )


def _has_curve(job: Job, fitted: Fitted) -> bool:
    return "probe" in job.config.baselines and _plain(job.task, fitted)


def _gap(job: Job, fitted: Fitted) -> tuple[Verdict, dict[str, Any]] | None:
    """Between training rows and test rows that were given rather than carved from the same data."""
    given = "test" in fitted.features and "test" not in job.dataset.carved
    if not given or not _plain(job.task, fitted):
        return None
    backbone = job.model.backbone.spec.name
    return evidence.gap(backbone, fitted.features, job.dataset, job.config.seed)


def _plain(task: Task, fitted: Fitted) -> bool:
    """Whether a row of features is a row of the data."""
    return bool(fitted.features) and not isinstance(task, Joint) and not task.several_units
