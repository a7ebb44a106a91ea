"""A task's targets as rankers take them, and an estimate with what the rows leave open."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from zoo.errors import Incompatible, LabelProblem, ZooError
from zoo.model import Task
from zoo.ranking.ranker import Kind, Ranker, RankProblem

FEWEST = 8  # rows; half of fewer says nothing
HALVES = 10

Labels = NDArray[Any]


def targets_of(task: Task, labels: Sequence[str]) -> tuple[Kind, Labels]:
    """The targets of all units and their kind; of classes -1 is one that is to be ignored.

    Raises:
        Incompatible: the task's targets are neither classes, marks nor numbers, or it is one of language.
        LabelProblem: a label the task does not know; or nothing can be learned from them.
    """
    if task.spec.language:
        raise _incompatible(task, "it uses a backbone's language head, which no features stand for")
    targets = task.targets(labels)
    task.prepare(targets)
    regressands = task.regressands(targets)
    units = task.units(targets if regressands is None else regressands)
    kind, found = _sorted_out(units, numbers=regressands is not None, task=task)
    _require_learnable(kind, found)
    return kind, found


def _sorted_out(units: Tensor, *, numbers: bool, task: Task) -> tuple[Kind, Labels]:
    if not units.is_floating_point() and units.ndim == 1:
        return "classes", np.maximum(units.numpy().astype(np.int64), -1)
    if units.is_floating_point() and units.ndim in (1, 2):
        found = units.double().numpy().reshape(len(units), -1)
        known = found[~np.isnan(found)]
        marks = not numbers and bool(np.isin(known, (0.0, 1.0)).all())
        return ("marks" if marks else "numbers"), found
    raise _incompatible(task, "its targets are neither classes, marks nor numbers")


def _incompatible(task: Task, why: str) -> Incompatible:
    return Incompatible(
        f"Backbones cannot be ranked for {task.spec.name}: {why}.",
        hint="`zoo fit` each of them and compare.",
    )


def _require_learnable(kind: Kind, targets: Labels) -> None:
    if len(targets) < FEWEST:
        raise LabelProblem(
            f"{len(targets)} labelled rows are too few to rank backbones on.",
            hint=f"Give at least {FEWEST}; a few hundred tell most backbones apart.",
        )
    if kind == "classes":
        varied = len(np.unique(targets[targets >= 0])) > 1
    else:
        varied = any(len(np.unique(column[~np.isnan(column)])) > 1 for column in targets.T)
    if not varied:
        raise LabelProblem(
            "All training rows have the same label, so there is nothing to rank by.",
            hint="Give data with at least two labels, or numbers that differ.",
        )


def estimate(ranker: Ranker, problem: RankProblem) -> float:
    """What a ranker says, once it is known that it can say anything.

    Raises:
        Incompatible: it needs other targets, or a source head that the backbone has not got; the
            features are not finite, or the same for all rows; or the estimate is no number.
    """
    name = ranker.spec.name
    if problem.kind not in ranker.takes:
        raise Incompatible(
            f"{name} estimates for {' and '.join(sorted(ranker.takes))}, not for {problem.kind}.",
            hint="`zoo rankers` lists the others.",
        )
    if ranker.needs_source and problem.source is None:
        raise Incompatible(
            f"{name} needs the classes a backbone was trained on, and this one has no head for them.",
            hint="`--ranker logme` needs only features.",
        )
    if not np.isfinite(problem.features).all():
        raise Incompatible("Its features are not finite numbers.")
    if (problem.features == problem.features[0]).all():
        raise Incompatible("It gives the same features for every row.")
    found = float(ranker.estimate(problem))
    if not math.isfinite(found):
        raise Incompatible(f"{name} gives {found} for it, which is no estimate.")
    return found


def halves(ranker: Ranker, problem: RankProblem, count: int = HALVES) -> tuple[float, ...]:
    """The estimates on ``count`` random halves of the rows; none where halves allow no estimate.

    Their standard deviation is that of the estimate on all rows, as a bootstrap's is (Shao and Wu
    1989, the delete-d jackknife with half of the rows). No row occurs twice in a half: neighbours and
    cross-validation would find the copy of what they hold out.
    """
    found = []
    for seed in range(count):
        part = problem.rows(_half(problem, seed))
        try:
            found.append(estimate(ranker, replace(part, seed=problem.seed)))
        except ZooError:
            return ()
    return tuple(found)


def _half(problem: RankProblem, seed: int) -> NDArray[np.int64]:
    """Half of the rows, and of each class."""
    draw = np.random.default_rng((problem.seed, seed))
    order = draw.permutation(len(problem))
    if problem.kind != "classes":
        return np.sort(order[: len(order) // 2])
    order = order[np.argsort(problem.targets[order], kind="stable")]
    return np.sort(order[draw.integers(2) :: 2])
