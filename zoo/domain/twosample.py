"""Two sets of features: are they drawn from one distribution, and how far apart are they? No torch.

The p-values are by permutation of which row is of which set, so they hold for any features and any
number of rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PERMUTATIONS = 999
ALARM = 0.01  # how often all tests of one comparison may raise it together without a gap
_FOLDS = 5
_RIDGE = 0.1  # of the mean squared length of a row, once features are standardised
_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the median squared distance


@dataclass(frozen=True)
class Test:
    """A statistic, and how often chance alone gives one as large."""

    statistic: float
    p: float


def standardised(source: Array, target: Array) -> tuple[Array, Array]:
    """Both with mean 0 and variance 1 of each feature over the two; constant ones left out."""
    both = np.concatenate([source, target])
    mean, spread = both.mean(axis=0), both.std(axis=0)
    varied = spread > 1e-9 * max(float(np.abs(both).max(initial=0.0)), 1e-30)
    both = (both[:, varied] - mean[varied]) / spread[varied]
    return both[: len(source)], both[len(source) :]


def classifier_test(source: Array, target: Array, seed: int) -> Test:
    """The accuracy with which a linear classifier tells held-out rows of the two sets apart.

    Lopez-Paz and Oquab 2017, arXiv:1610.06545, with cross-validation and a permutation test as Kim et
    al. 2021, arXiv:1602.02210, justify. Ridge regression on ±1 has its cross-validated predictions in
    closed form, so every permutation costs a product of matrices. The sets should be of one size: the
    accuracy of chance is then ½.
    """
    rows = np.concatenate([source, target])
    labels = np.concatenate([np.ones(len(source)), -np.ones(len(target))])
    left_out = held_out(gram(rows, rows), seed)
    draw = np.random.default_rng((seed, 1))
    shuffled = np.stack([draw.permutation(labels) for _ in range(PERMUTATIONS)], axis=1)
    every = np.column_stack([labels, shuffled])
    accuracies = (np.sign(left_out @ every) == every).mean(axis=0)
    return Test(float(accuracies[0]), _share(accuracies))


def a_distance(accuracy: float) -> float:
    """The proxy A-distance, 2 (1 - 2 ε), of Ben-David et al. 2007: 0 alike to 2 wholly apart."""
    return max(0.0, 2 * (1 - 2 * (1 - accuracy)))


def mmd_test(kernel: Array, count: int, seed: int, permutations: int = PERMUTATIONS) -> Test:
    """The unbiased squared maximum mean discrepancy, Gretton et al. 2012 (JMLR 13).

    Args:
        kernel: of all rows, those of the source first, see :func:`mixture`.
        count: how many are of the source.
        seed: draws the permutations.
        permutations: how many.
    """
    total = len(kernel)
    other = total - count
    inner = kernel - np.diag(np.diag(kernel))
    draw = np.random.default_rng((seed, 2))
    members = np.zeros((total, permutations + 1))
    members[:count, 0] = 1
    orders = draw.random((total, permutations)).argsort(axis=0)
    members[:, 1:] = orders < count
    within = (members * (inner @ members)).sum(axis=0)
    across = members.T @ inner.sum(axis=1) - within
    beyond = inner.sum() - 2 * across - within
    found = within / (count * (count - 1)) + beyond / (other * (other - 1))
    found = found - 2 * across / (count * other)
    return Test(float(found[0]), _share(found))


def mixture(rows: Array) -> Array:
    """A mean of Gaussian kernels of several widths around the median distance, ``[rows, rows]``."""
    squares = np.square(rows).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0.0)
    median = float(np.median(distances[np.triu_indices(len(rows), 1)])) or 1.0
    kernels = [np.exp(-distances / (width * median)) for width in _WIDTHS]
    return np.asarray(np.mean(kernels, axis=0))


def gram(rows: Array, others: Array) -> Array:
    """Products of rows per feature, and 1 for the intercept, ``[rows, others]``."""
    return np.asarray(rows @ others.T / max(rows.shape[1], 1) + 1)


def ridge(kernel: Array) -> Array:
    """What takes ± 1 targets to the coefficients of their ridge regression, ``[rows, rows]``."""
    strength = _RIDGE * max(float(np.diag(kernel).mean()) - 1, 1e-9)
    return np.asarray(np.linalg.inv(kernel + strength * np.eye(len(kernel))), dtype=np.float64)


def held_out(kernel: Array, seed: int) -> Array:
    """What takes targets to predictions for rows that were held out, ``[rows, rows]``.

    With H of the whole fit and a fold B, the residuals are (I - H_BB)⁻¹ (I - H)_B y. Folds do not look
    at targets, so that permuting these is fair.
    """
    rows = len(kernel)
    whole = kernel @ ridge(kernel)
    residual = np.eye(rows) - whole
    fold = np.random.default_rng((seed, 0)).permutation(np.arange(rows) % _FOLDS)
    for each in range(_FOLDS):
        at = np.flatnonzero(fold == each)
        if len(at):
            residual[at] = np.linalg.solve(residual[np.ix_(at, at)], residual[at])
    return np.asarray(np.eye(rows) - residual)


def chi_square_test(source: NDArray[np.int64], target: NDArray[np.int64], seed: int) -> Test:
    """Whether two lists of classes have one distribution: Pearson's statistic, permuted."""
    every = np.concatenate([source, target])
    classes = int(every.max()) + 1
    draw = np.random.default_rng((seed, 3))
    shuffled = (draw.permutation(every) for _ in range(PERMUTATIONS))
    found = [_chi_square(each, len(source), classes) for each in (every, *shuffled)]
    return Test(float(found[0]), _share(np.array(found)))


def _chi_square(every: NDArray[np.int64], count: int, classes: int) -> float:
    total = np.bincount(every, minlength=classes)
    first = np.bincount(every[:count], minlength=classes)
    share = count / len(every)
    expected = np.stack([total * share, total * (1 - share)])
    differences = np.square(np.stack([first, total - first]) - expected)
    return float((differences / np.maximum(expected, 1e-12)).sum())


def _share(found: Array) -> float:
    """How many are as large as the first, itself included; a hair's breadth is a draw."""
    return float((found >= found[0] - 1e-12 * max(1.0, abs(float(found[0])))).mean())
