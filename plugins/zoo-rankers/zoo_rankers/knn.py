"""Nearest neighbours by cosine, each row left out once.

Renggli et al. 2022 (arXiv:2010.06402) use the nearest neighbour as a proxy of fine-tuned accuracy.
Several vote here; a draw goes to the class that is more similar in sum. Rows equally near are taken
in an order drawn with the seed, so that the order of the data decides nothing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zoo.plugin import DataError, Ranker, RankProblem

Array = NDArray[np.float64]

_BLOCK = 512  # rows compared with all others at a time
_DRAW = 1e-9  # a similarity in sum is worth less than any vote


class Neighbours(Ranker):
    """Accuracy of classes, R² of numbers; the mean over outputs."""

    def estimate(self, problem: RankProblem) -> float:
        """At most 1.

        Raises:
            DataError: fewer than two rows.
        """
        return float(np.mean([self._of(part) for part in problem.outputs()]))

    def _of(self, problem: RankProblem) -> float:
        if len(problem) < 2:
            raise DataError("A row has no neighbours: there is but one.", hint="Give more rows.")
        order = np.random.default_rng(problem.seed).permutation(len(problem))
        near, similar = nearest(problem.features[order], self.settings["neighbours"])
        targets = problem.targets[order]
        if problem.kind == "classes":
            return float((vote(targets[near], similar) == targets).mean())
        found = targets[near].mean(axis=1)
        return float(
            1 - np.square(targets - found).sum() / np.square(targets - targets.mean()).sum()
        )


def nearest(features: Array, count: int) -> tuple[NDArray[np.int64], Array]:
    """Of each row the ``count`` others most similar, and how similar, ``[rows, count]`` each."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(lengths > 0, lengths, 1.0)
    count = min(count, len(features) - 1)
    near, similar = [], []
    for start in range(0, len(unit), _BLOCK):
        similarity = unit[start : start + _BLOCK] @ unit.T
        at = np.arange(len(similarity))
        similarity[at, start + at] = -np.inf
        best = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
        near.append(best)
        similar.append(np.take_along_axis(similarity, best, axis=1))
    return np.concatenate(near), np.concatenate(similar)


def vote(classes: NDArray[np.int64], similar: Array) -> NDArray[np.int64]:
    """The class most neighbours have, ``[rows]``, of ``[rows, neighbours]``."""
    names, at = np.unique(classes, return_inverse=True)
    at = at.reshape(classes.shape)
    votes = np.zeros((len(classes), len(names)))
    rows = np.arange(len(classes))[:, None]
    np.add.at(votes, (rows, at), 1 + _DRAW * similar)
    return np.asarray(names[votes.argmax(axis=1)])
