"""Regularised H-score: how much of the features' variance lies between classes.

H = tr(Σ_f⁻¹ Σ_z) with z the mean feature of a row's class (Bao et al. 2019). The covariance of the
features is shrunk towards a multiple of the identity with the intensity α of Ledoit and Wolf 2004,
and H becomes tr(Σ_α⁻¹ (1 - α) Σ_z), as Ibrahim et al. 2021 (arXiv:2110.06893) found necessary where
there are few rows. With fewer rows than features the inverse is taken in the space of the rows.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import Ranker, RankProblem

Array = NDArray[np.float64]


class HScore(Ranker):
    """The score of Ibrahim et al.; of marks the mean over outputs."""

    takes: ClassVar = frozenset({"classes", "marks"})

    def estimate(self, problem: RankProblem) -> float:
        """Between 0 and the number of classes less one."""
        scores = [hscore(part.features, part.targets) for part in problem.outputs()]
        return float(np.mean(scores))


def hscore(features: Array, classes: NDArray[np.int64]) -> float:
    """Of ``features`` ``[rows, size]`` and one class a row; 0 where no feature varies."""
    centred = features - features.mean(axis=0)
    rows, size = centred.shape
    scale = float(np.square(centred).sum()) / (rows * size)  # mean variance of a feature
    if scale <= 1e-28 * float(np.square(features).mean()):
        return 0.0  # what is left is rounding
    small = rows <= size
    gram = (centred @ centred.T if small else centred.T @ centred) / rows
    shrinkage = intensity(centred, gram)
    keep = 1 - shrinkage
    names, at, counts = np.unique(classes, return_inverse=True, return_counts=True)
    members = (at[:, None] == np.arange(len(names))).astype(np.float64)
    means = members.T @ centred / counts[:, None]  # [classes, size]
    weighted = means * np.sqrt(counts / rows)[:, None]
    solved = _solve(centred, gram, weighted, ridge=shrinkage * scale, keep=keep, small=small)
    return keep * float((weighted * solved).sum())


def intensity(centred: Array, gram: Array) -> float:
    """How far Ledoit and Wolf 2004 shrink; from either Gram matrix, divided by rows.

    Args:
        centred: features less their means, ``[rows, size]``.
        gram: of rows or of features, divided by rows; both have the same squared sum.
    """
    rows, size = centred.shape
    total = float(np.square(gram).sum())
    mean = float(np.square(centred).sum()) / (rows * size)
    fourth = float(np.square(np.square(centred).sum(axis=1)).sum()) / rows
    noise = (fourth - total) / rows
    distance = total - size * mean**2
    if noise <= 0 or distance <= 0:
        return 0.0 if distance > 0 else 1.0
    return float(min(noise / distance, 1.0))


def _solve(
    centred: Array, gram: Array, wanted: Array, *, ridge: float, keep: float, small: bool
) -> Array:
    """``wanted @ (keep Σ + ridge I)⁻¹``, without ridge a pseudo-inverse."""
    rows, size = centred.shape
    if ridge <= 0 or keep <= 0:
        covariance = centred.T @ centred / rows if small else gram
        inverse = np.linalg.pinv(keep * covariance + ridge * np.eye(size), hermitian=True)
        return np.asarray(wanted @ inverse)
    if not small:
        return np.asarray(np.linalg.solve(keep * gram + ridge * np.eye(size), wanted.T).T)
    inner = np.linalg.solve(keep * gram + ridge * np.eye(rows), centred @ wanted.T)
    return np.asarray((wanted - keep / rows * inner.T @ centred) / ridge)
