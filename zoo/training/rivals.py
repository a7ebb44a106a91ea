"""What a finished fit is held against: a frozen probe, each task by itself, training from scratch."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.errors import Incompatible
from zoo.model import Adapter, extract
from zoo.model.joint import Joint
from zoo.report.record import THIS_MODEL, Result
from zoo.training import baselines, jointly

if TYPE_CHECKING:
    from zoo.training.job import Job

Features = Mapping[str, Tensor]  # by split


def hold_against(job: Job, features: Features, seconds: float) -> None:
    """Add the results of the rivals that the fit asks for.

    Args:
        job: whose own results are there.
        features: taken before training; empty where the head sits on none.
        seconds: that the fit itself took.
    """
    asked, adapter = job.config.baselines, baselines.baseline_adapter()
    itself = baselines.is_baseline(job.model.adapter)
    if "probe" in asked and adapter is not None and not itself and not job.model.language:
        _probe(job, adapter, features)
    if "twins" in asked and isinstance(job.task, Joint):
        _twins(job, job.task, seconds)
    if "scratch" in asked:
        _scratch(job)


def _probe(job: Job, adapter: Adapter, features: Features) -> None:
    frozen = _frozen_features(job, features)
    if frozen is features:
        adapter = baselines.baseline_adapter(job.chosen) or adapter
    try:
        job.results += baselines.probe(adapter, job.task, job.splits, frozen, job.config.seed)
    except Incompatible as err:
        job.tell_of_no_probe(err)


def _frozen_features(job: Job, features: Features) -> Features:
    """Features of the backbone as published, pooled as is right for frozen features.

    Those taken before training are the same where the adapter starts as the identity and the
    pooling is the default; a few rows tell.
    """
    if job.model.backbone.reload is None:
        return features
    fresh = job.model.backbone.reload(True)
    few = job.splits["train"].ready.first(4)
    on_few = extract(fresh, few, task=job.task)
    if torch.allclose(on_few, features["train"][: len(on_few)], rtol=1e-4, atol=1e-5):
        return features
    return baselines.features_of(fresh, job.splits, job.progress, job.task)


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
    ours = {result.split: result for result in job.results if result.model == THIS_MODEL}
    twins = jointly.as_one(joint, results, {**seconds, "together": together})
    job.results += twins
    reported = "test" if "test" in ours else "val"
    for result in twins:
        if result.split == reported and reported in ours:
            job.notes += jointly.transfer(joint, ours[reported], result)


def _scratch(job: Job) -> None:
    if job.model.backbone.reload is None:
        job.notes.append("No from-scratch baseline: the backbone was not made by name.")
        return
    job.results += baselines.scratch(job.model, job.task, job.splits, job.config, job.progress)
