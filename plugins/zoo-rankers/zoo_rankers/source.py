"""Estimates from what the head that a backbone was trained with says of the new data.

θ(x) are its probabilities of the source classes z.

LEEP, Nguyen et al. 2020, arXiv:2002.12462: with P(y | z) from the empirical joint
P(y, z) = 1/n Σ θ(x)_z [y(x) = y], the mean log of Σ_z P(y | z) θ(x)_z.

NCE, Tran et al. 2019, arXiv:1908.08142: -H(Y | Z), Z being the most probable source class.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import Ranker, RankProblem

Array = NDArray[np.float64]


class Leep(Ranker):
    """Log expected empirical prediction; of marks the mean over outputs."""

    takes: ClassVar = frozenset({"classes", "marks"})
    needs_source = True

    def estimate(self, problem: RankProblem) -> float:
        """At most 0, in nats."""
        return float(np.mean([leep(_source(p), p.targets) for p in problem.outputs()]))


class Nce(Ranker):
    """Negative conditional entropy; of marks the mean over outputs."""

    takes: ClassVar = frozenset({"classes", "marks"})
    needs_source = True

    def estimate(self, problem: RankProblem) -> float:
        """At most 0, in nats."""
        return float(np.mean([nce(_source(p), p.targets) for p in problem.outputs()]))


def leep(source: Array, classes: NDArray[np.int64]) -> float:
    """Of probabilities ``[rows, source classes]`` and one class a row."""
    _, at = np.unique(classes, return_inverse=True)
    joint = _members(at).T @ source  # [classes, source classes]
    total = joint.sum(axis=0)
    given = joint / np.where(total > 0, total, 1.0)  # P(y | z); no row has a z of total 0
    return float(np.log((given[at] * source).sum(axis=1)).mean())


def nce(source: Array, classes: NDArray[np.int64]) -> float:
    """Of probabilities ``[rows, source classes]`` and one class a row."""
    _, at = np.unique(classes, return_inverse=True)
    _, first = np.unique(source.argmax(axis=1), return_inverse=True)
    joint = _members(at).T @ _members(first) / len(at)
    share = joint / joint.sum(axis=0)
    return float((joint * np.log(np.where(share > 0, share, 1.0))).sum())


def _members(at: NDArray[np.int64]) -> Array:
    """1 where a row is of a class, ``[rows, classes]``."""
    return np.asarray(at[:, None] == np.arange(at.max() + 1), dtype=np.float64)


def _source(problem: RankProblem) -> Array:
    assert problem.source is not None  # the host asks nobody who needs it without
    return problem.source
