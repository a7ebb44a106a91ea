"""LogME: the log evidence of a Bayesian linear model on frozen features, per row.

You et al. 2021, arXiv:2102.11005. For features F and one column y of targets the model is
w ~ N(0, I/α), y ~ N(Fw, I/β); the evidence p(y | F, α, β) is taken where it is stationary in α and
β. The fixed point is that of You et al. 2022, arXiv:2110.10545, in λ = α/β and the eigenvalues of
FFᵀ, for all columns at once. It is followed to a relative change of 1e-9. With fewer rows than
features it may lie at λ = 0, where plain updates creep and the tolerance of 1e-3 usual elsewhere
stops far away; so a step that goes on in the direction of the one before is made longer, and one
that turns back shorter: near a perfect fit plain updates leap to and fro.

Of classes the columns are their indicators, of marks and numbers the targets; the estimate is the
mean over columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import Ranker, RankProblem

Array = NDArray[np.float64]

_TOLERANCE = 1e-9
_ITERATIONS = 1000
_LONGER, _SHORTER = 1.5, 0.5
_RANK = 1e-13  # eigenvalues below this share of the largest are rounding
_NOTHING = 1e-15  # of the squared length of y, which a perfect fit leaves over by rounding


class LogME(Ranker):
    """Mean log evidence per row."""

    def estimate(self, problem: RankProblem) -> float:
        """In nats per row; comparable among backbones on the same rows only."""
        if problem.kind == "classes":
            columns = problem.targets[:, None] == np.unique(problem.targets)
            return float(evidence(problem.features, columns.astype(np.float64)).mean())
        if not np.isnan(problem.targets).any():
            varied = (problem.targets != problem.targets[0]).any(axis=0)
            return float(evidence(problem.features, problem.targets[:, varied]).mean())
        each = [
            evidence(part.features, part.targets.reshape(len(part), 1).astype(np.float64))
            for part in problem.outputs()
        ]
        return float(np.mean(each))


def evidence(features: Array, columns: Array) -> Array:
    """Log evidence per row of each column, ``[columns]``.

    Args:
        features: ``[rows, size]``.
        columns: of targets, ``[rows, columns]``.
    """
    rows = len(columns)
    values, along = _spectrum(features, columns)
    length = np.square(columns).sum(axis=0)
    outside = np.maximum(length - along.sum(axis=0), 0.0)
    floor = np.maximum(length, 1e-300) * _NOTHING
    if len(values) == 0:  # no feature is other than zero: y is all noise
        beta = rows / length
        return np.asarray(0.5 * (np.log(beta) - np.log(2 * np.pi) - 1))
    ratio, length_of_step = np.ones(columns.shape[1]), np.ones(columns.shape[1])
    step = np.zeros(columns.shape[1])
    lowest = values[0] * _RANK
    for _ in range(_ITERATIONS):
        alpha, beta, _, _ = _updated(values, along, outside, ratio, rows, floor)
        before, step = step, np.log(alpha / beta / ratio)
        if ((np.abs(step) <= _TOLERANCE) | ((ratio <= lowest) & (step < 0))).all():
            break
        length_of_step = np.where(
            step * before < 0,
            np.minimum(length_of_step, 1.0) * _SHORTER,
            length_of_step * _LONGER,
        )
        ratio = np.maximum(ratio * np.exp(np.clip(step * length_of_step, -5, 5)), lowest)
    alpha, beta, weights, residual = _updated(values, along, outside, ratio, rows, floor)
    known = np.log(alpha + beta * values[:, None]).sum(axis=0) - len(values) * np.log(alpha)
    total = rows * np.log(beta / (2 * np.pi)) - beta * residual - alpha * weights - known
    return np.asarray(total / (2 * rows))


def _updated(
    values: Array, along: Array, outside: Array, ratio: Array, rows: int, floor: Array
) -> tuple[Array, Array, Array, Array]:
    """α, β, the squared length of the weights and of the residual at λ = ``ratio``."""
    shrunk = values[:, None] + ratio
    used = (values[:, None] / shrunk).sum(axis=0)  # effective number of parameters
    weights = np.maximum((values[:, None] * along / shrunk**2).sum(axis=0), 1e-300)
    residual = np.maximum((along * (ratio / shrunk) ** 2).sum(axis=0) + outside, floor)
    # rows - used, without the difference of two that are nearly the same
    left = np.maximum(rows - len(values) + (ratio / shrunk).sum(axis=0), rows * 1e-15)
    return used / weights, left / residual, weights, residual


def _spectrum(features: Array, columns: Array) -> tuple[Array, Array]:
    """Eigenvalues of FFᵀ that are not zero, falling, and (uᵀy)² for each, ``[rank, columns]``."""
    rows, size = features.shape
    gram = features @ features.T if rows <= size else features.T @ features
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > max(values[0], 0.0) * _RANK * max(rows, size)
    values, vectors = values[kept], vectors[:, kept]
    if rows <= size:
        return values, np.square(vectors.T @ columns)
    return values, np.square(vectors.T @ (features.T @ columns)) / values[:, None]
