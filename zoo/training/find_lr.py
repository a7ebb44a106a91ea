"""The learning-rate range test (Smith 2017, arXiv:1506.01186): the loss while the rate rises.

The rate rises by the same factor from step to step, until the loss is several times what it was at
best. A tenth of the rate of the lowest smoothed loss is suggested, as is usual: there the loss still
falls, and is far from where it explodes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from zoo.data.dataset import Dataset
from zoo.errors import Incompatible, TrainingFailed
from zoo.model import ComposedModel
from zoo.progress import Progress, Silent
from zoo.training.adaptation.adapt import defaults_for
from zoo.training.config import FitConfig
from zoo.training.job import Job
from zoo.training.precision import accelerate
from zoo.training.prepared import PreparedSplit, shuffled
from zoo.training.randomness import seeded
from zoo.training.schedules import Schedule
from zoo.training.steps import Steps

LOWEST, HIGHEST = 1e-7, 1.0
_STEPS = 100
_SMOOTHING = 0.9  # share of the losses before in their running mean
_EXPLODED = 4.0  # times the lowest


@dataclass(frozen=True)
class RangeTest:
    """What the test found.

    Attributes:
        rates, losses: of each step; losses are smoothed.
        suggested: a rate to begin with, for adapters' groups the highest of them.
    """

    rates: list[float]
    losses: list[float]
    suggested: float


def find_lr(
    model: ComposedModel,
    dataset: Dataset,
    *,
    steps: int = _STEPS,
    progress: Progress | None = None,
    **options: object,
) -> RangeTest:
    """Train ``model`` for a few steps at rising rates; it is of no further use.

    Args:
        model: from :func:`zoo.compose`, with an adapter that trains by gradient.
        dataset: from :func:`zoo.load_data`.
        steps: how many at most.
        progress: whom to tell.
        **options: as for :func:`zoo.fit`.

    Raises:
        Incompatible: the adapter has no learning rate.
        TrainingFailed: not even the lowest rates gave a loss that is a number.
    """
    if not model.adapter.trains_backbone:
        raise Incompatible(
            f"{model.adapter.spec.name} is fitted in closed form and has no learning rate.",
            hint="`zoo adapters` lists those that train by gradient.",
        )
    config = FitConfig.resolve(defaults_for(None, model), {**options, "lr": HIGHEST})
    progress = progress or Silent()
    rise = HIGHEST / LOWEST
    schedule = Schedule(lambda step: rise ** (step / (steps - 1)) / rise)
    with seeded(config.seed):
        job = Job(model, dataset, config, progress)
        job.begin()
        accelerator = accelerate(config.precision)
        model.to(accelerator.device).train()
        train = job.splits["train"]
        taken = Steps(model, job.task, train, config, schedule, accelerator, progress)
        return _suggestion(list(_rising(taken, model, train, config, steps, progress)))


def _rising(
    taken: Steps,
    model: ComposedModel,
    train: PreparedSplit,
    config: FitConfig,
    steps: int,
    progress: Progress,
) -> Iterator[tuple[float, float]]:
    """Rate and smoothed loss of each step, until the loss explodes."""
    mean, lowest = 0.0, math.inf
    with progress.stage("trying learning rates", steps) as advance:
        for rows in itertools.islice(_batches(model, train, config), steps):
            rate = taken.rate
            try:
                loss = taken.take(rows, f"the step at rate {rate:.1e}")
            except TrainingFailed:
                return
            mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
            smoothed = mean / (1 - _SMOOTHING**taken.done)
            lowest = min(lowest, smoothed)
            yield rate, smoothed
            if smoothed > _EXPLODED * lowest:
                return
            advance(1)


def _batches(
    model: ComposedModel, train: PreparedSplit, config: FitConfig
) -> Iterator[Sequence[int]]:
    order = torch.Generator().manual_seed(config.seed)
    while True:
        yield from shuffled(train, model.preprocess, config.batch_size, order)


def _suggestion(found: list[tuple[float, float]]) -> RangeTest:
    if not found:
        raise TrainingFailed(
            f"The loss is no number even at a learning rate of {LOWEST:g}.",
            hint="Look at the training data, and at the weights of the backbone.",
        )
    rates, losses = [rate for rate, _ in found], [loss for _, loss in found]
    at = losses.index(min(losses))
    return RangeTest(rates, losses, float(f"{max(rates[at] / 10, LOWEST):.0e}"))
