"""What a finished fit is held against: a frozen probe, each task by itself, training from scratch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.errors import Incompatible
from zoo.model import Adapter, extract
from zoo.model.backbone import Backbone
from zoo.model.joint import Joint
from zoo.report.record import Result
from zoo.training import baselines, jointly
from zoo.training.randomness import seeded

if TYPE_CHECKING:
    from zoo.training.job import Job

Features = Mapping[str, Tensor]  # by split


@dataclass(frozen=True)
class Published:
    """What the frozen probe sits on.

    Attributes:
        features: of the backbone as it is published, by split.
        bias: whether a head on them has one there.
    """

    features: Features
    bias: bool


def features_as_published(job: Job, features: Features) -> Published | None:
    """What the frozen probe sits on; ``None`` where none is asked for, or there is none.

    It is asked before training, which needs the memory that a second backbone takes for a moment.
    Those at hand are the same where the adapter starts as the identity and the pooling is the
    default; a few rows tell.

    Args:
        job: before training.
        features: of the model as it is, by split.
    """
    model = job.model
    if (
        "probe" not in job.config.baselines
        or model.language
        or baselines.is_baseline(model.adapter)
        or baselines.baseline_adapter() is None
    ):
        return None
    if model.backbone.reload is None:
        return Published(features, _has_bias(model.backbone))
    with seeded(job.config.seed):  # weights that are drawn, to be replaced, draw none of training's
        fresh = model.backbone.reload(True)
    few = job.splits["train"].ready.first(4)
    on_few = extract(fresh, few, task=job.task)
    if torch.allclose(on_few, features["train"][: len(on_few)], rtol=1e-4, atol=1e-5):
        return Published(features, _has_bias(fresh))
    found = baselines.features_of(fresh, job.splits, job.progress, job.task)
    return Published(found, _has_bias(fresh))


def hold_against(job: Job, features: Features, published: Published | None, seconds: float) -> None:
    """Add the results of the rivals that the fit asks for.

    Args:
        job: whose own results are there.
        features: taken before training; empty where the head sits on none.
        published: what :func:`features_as_published` gave.
        seconds: that the fit itself took.
    """
    asked = job.config.baselines
    # On the same features the fit has chosen the penalty already.
    same = published is not None and published.features is features
    adapter = baselines.baseline_adapter(job.chosen if same else None)
    if published is not None and adapter is not None:
        _probe(job, adapter, published)
    if "twins" in asked and isinstance(job.task, Joint):
        _twins(job, job.task, seconds)
    if "scratch" in asked:
        _scratch(job)


def _has_bias(backbone: Backbone) -> bool:
    native = backbone.native_head
    return native is None or native.bias


def _probe(job: Job, adapter: Adapter, published: Published) -> None:
    try:
        job.results += baselines.probe(
            adapter,
            job.task,
            job.splits,
            published.features,
            job.config.seed,
            bias=published.bias,
        )
    except Incompatible as err:
        job.tell_of_no_probe(err)


def _twins(job: Job, joint: Joint, together: float) -> None:
    """Each task by itself, on the rows it has and with the same budget."""
    reload = job.model.backbone.reload
    if reload is None:
        job.notes.append("No single-task twins: the backbone was not made by name.")
        return
    results: dict[str, list[Result]] = {}
    seconds: dict[str, float] = {}
    for name in joint.parts:
        job.progress.note(f"Baseline: {name} by itself.")
        twin = jointly.twin(job.model, reload(True), name, job.config.seed)
        begun = time.perf_counter()
        results[name] = job.alone(twin, name)
        seconds[name] = time.perf_counter() - begun
    job.notes.append(
        f"Together the tasks took {together:.1f} s to fit, one by one {sum(seconds.values()):.1f} s."
    )
    job.results += jointly.as_one(joint, results, {**seconds, "together": together})


def _scratch(job: Job) -> None:
    if job.model.backbone.reload is None:
        job.notes.append("No from-scratch baseline: the backbone was not made by name.")
        return
    job.results += baselines.scratch(job.model, job.task, job.splits, job.config, job.progress)
