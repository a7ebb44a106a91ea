"""A linear model on standardised features, measured by cross-validation.

Alain and Bengio 2016, arXiv:1610.01644. Softmax regression for classes, ridge regression for numbers,
both with an L2 penalty. The penalty does not see rotations, so the fit is done in as many coordinates
as there are rows where that is fewer than features.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from zoo.plugin import DataError, Ranker, RankProblem

Array = NDArray[np.float64]

_RANK = 1e-12  # eigenvalues below this share of the largest are rounding


class Probe(Ranker):
    """Accuracy of classes, R² of numbers, on rows held out; the mean over outputs."""

    def estimate(self, problem: RankProblem) -> float:
        """At most 1.

        Raises:
            DataError: fewer rows than folds.
        """
        return float(np.mean([self._of(part) for part in problem.outputs()]))

    def _of(self, problem: RankProblem) -> float:
        folds, penalty = self.settings["folds"], self.settings["l2"]
        if len(problem) < folds:
            raise DataError(
                f"{len(problem)} rows cannot be parted into {folds} folds.",
                hint="Give more rows, or fewer folds: `--set folds=2`.",
            )
        targets = problem.targets
        found = np.empty_like(targets)
        for held in parted(targets, problem.kind == "classes", folds, problem.seed):
            rest = ~held
            train, test = coordinates(problem.features[rest], problem.features[held])
            if problem.kind == "classes":
                found[held] = classified(train, targets[rest], test, penalty)
            else:
                found[held] = regressed(train, targets[rest], test, penalty)
        if problem.kind == "classes":
            return float((found == targets).mean())
        return float(
            1 - np.square(targets - found).sum() / np.square(targets - targets.mean()).sum()
        )


def parted(
    targets: NDArray[Any], stratified: bool, folds: int, seed: int
) -> Iterator[NDArray[np.bool_]]:
    """Masks of the rows held out in each fold; classes are dealt out evenly."""
    order = np.random.default_rng(seed).permutation(len(targets))
    if stratified:
        order = order[np.argsort(targets[order], kind="stable")]
    fold = np.empty(len(targets), dtype=np.int64)
    fold[order] = np.arange(len(targets)) % folds
    return (fold == each for each in range(folds))


def coordinates(train: Array, test: Array) -> tuple[Array, Array]:
    """Both standardised by the first, in an orthogonal basis of what it spans."""
    mean, spread = train.mean(axis=0), train.std(axis=0)
    varied = spread > 1e-12 * np.abs(train).max(axis=0, initial=1e-300)
    train, test = ((x[:, varied] - mean[varied]) / spread[varied] for x in (train, test))
    if train.shape[1] <= len(train):
        return train, test
    values, vectors = np.linalg.eigh(train @ train.T)
    kept = values > values[-1] * _RANK
    values, vectors = values[kept], vectors[:, kept]
    return vectors * np.sqrt(values), test @ (train.T @ (vectors / np.sqrt(values)))


def classified(
    train: Array, classes: NDArray[np.int64], test: Array, penalty: float
) -> NDArray[np.int64]:
    """Classes of the test rows, by softmax regression with ``penalty / 2 · |weights|²``."""
    names, at = np.unique(classes, return_inverse=True)
    if len(names) == 1:
        return np.full(len(test), names[0])
    inputs, wanted = torch.from_numpy(train), torch.from_numpy(at)
    weights = torch.zeros(train.shape[1], len(names), dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(names), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weights, bias],
        max_iter=500,
        tolerance_grad=1e-7,
        tolerance_change=1e-12,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.cross_entropy(inputs @ weights + bias, wanted)
        loss = loss + penalty / 2 * weights.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    logits = test @ weights.detach().numpy() + bias.detach().numpy()
    return np.asarray(names[logits.argmax(axis=1)])


def regressed(train: Array, numbers: Array, test: Array, penalty: float) -> Array:
    """Numbers of the test rows, ``[rows, 1]``, by ridge regression."""
    mean = numbers.mean(axis=0)
    gram = train.T @ train / len(train) + penalty * np.eye(train.shape[1])
    weights = np.linalg.solve(gram, train.T @ (numbers - mean) / len(train))
    return np.asarray(test @ weights + mean)
