"""Several tasks fitted together: heads on frozen features, and each task by itself to compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zoo.data.dataset import Dataset, Split
from zoo.data.labelling import cells
from zoo.model import Adapter, ComposedModel, HeadProblem, Solution, make_adapter
from zoo.model.backbone import Backbone
from zoo.model.joint import Beside, Joint
from zoo.report.record import THIS_MODEL, Result

TWINS = "single-task twins"


def solve(
    adapter: Adapter,
    joint: Joint,
    head: Beside,
    targets: Mapping[str, Tensor],
    features: Mapping[str, Tensor],
    seed: int,
    *,
    refit: bool,
) -> Solution:
    """Fit each head on the rows that have a target of its task.

    Args:
        adapter: fits one head.
        joint, head: all tasks and all heads.
        targets, features: by split, ``train`` and ``val`` among them.
        seed: for whatever is random.
        refit: whether heads may in the end be fitted on validation rows too.
    """
    train, val = joint.split(targets["train"]), joint.split(targets["val"])
    chosen: dict[str, object] = {}
    before: dict[str, Tensor] = {}
    refitted = False
    for name, part in joint.parts.items():
        (rows, wanted), (val_rows, val_wanted) = train[name], val[name]
        one = head.heads[name]
        solution = adapter.solve(
            HeadProblem(
                task=part,
                head=one,
                features=features["train"][rows],
                targets=wanted,
                val_features=features["val"][val_rows],
                val_targets=val_wanted,
                refit=refit,
                seed=seed,
            )
        )
        with torch.no_grad():
            before[name] = one(features["val"])
        before[name][val_rows] = solution.val_logits
        chosen |= {f"{name}.{key}": value for key, value in solution.chosen.items()}
        refitted = refitted or solution.refitted
    return Solution(chosen=chosen, val_logits=joint.gather(before), refitted=refitted)


def alone(dataset: Dataset, name: str) -> Dataset:
    """The rows that have a label of one task, with that label alone."""
    splits = {}
    for role, split in dataset.splits.items():
        labels = [cells(label).get(name, "") for label in split.labels]
        rows = [at for at, label in enumerate(labels) if label]
        if rows:
            splits[role] = Split([split.inputs[at] for at in rows], [labels[at] for at in rows])
    return replace(dataset, splits=splits, labels=dataset.tasks[name], tasks={})


def twin(model: ComposedModel, backbone: Backbone, name: str, seed: int) -> ComposedModel:
    """A model of one task alone, on a fresh backbone with a fresh adapter of the same settings."""
    task, adapter = model.tasks[name], model.adapter
    return ComposedModel(
        backbone,
        make_adapter(adapter.spec.name, adapter.settings),
        [type(task)(task.spec, task.labels, task.settings, name)],
        pooling=model.backbone.pooling,
        seed=seed,
    )


def as_one(
    joint: Joint, results: Mapping[str, Sequence[Result]], seconds: Mapping[str, float]
) -> list[Result]:
    """The results of all twins, by split, with the names that those of the joint model have."""
    by_split: dict[str, dict[str, Result]] = {}
    for name, several in results.items():
        for result in several:
            if result.model == THIS_MODEL:
                by_split.setdefault(result.split, {})[name] = result
    found = []
    for split, twins in by_split.items():
        metrics: dict[str, float] = {}
        headlines = [
            of.metrics[head]
            for name, of in twins.items()
            if (head := joint.parts[name].headline) in of.metrics
        ]
        if headlines:
            metrics[joint.headline] = sum(headlines) / len(headlines)
        for name, of in twins.items():
            metrics |= {f"{name}.{metric}": value for metric, value in of.metrics.items()}
        metrics[joint.monitor] = sum(
            of.metrics[joint.parts[name].monitor] for name, of in twins.items()
        )
        rows = max(of.rows for of in twins.values())
        taken = {f"{name}.seconds": round(value, 3) for name, value in seconds.items()}
        found.append(
            Result(model=TWINS, split=split, rows=rows, metrics=metrics, settings=dict(taken))
        )
    return found
