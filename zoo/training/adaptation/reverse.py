"""Reverse validation: the target's predicted labels, learned alone, are to give back the source's.

Zhong et al. 2010 (ECML), with which Ganin et al. 2016 (arXiv:1505.07818, section 5.1.1) choose their
hyper-parameters. A ridge classifier is fitted to the target's frozen features with what the model
says of them, and is asked about the source's training rows, whose labels are known. It is fitted on
frozen features: in adapted ones wrong classes, too, lie well apart.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_RIDGE = 0.1  # of the mean squared length of a row, once features are standardised


class Reverse:
    """The reverse accuracy of any labelling of the target.

    Args:
        source: frozen features of the source's training rows, ``[rows, size]``.
        labels: classes of these.
        target: frozen features of the target, ``[rows, size]``.
    """

    def __init__(self, source: Tensor, labels: Tensor, target: Tensor) -> None:
        self._source, self._target = _standardised(source), _standardised(target)
        self._labels = labels
        size = self._target.shape[1]
        inner = self._target.T @ self._target + _RIDGE * size * torch.eye(size)
        self._factor = torch.linalg.cholesky(inner)

    def __call__(self, logits: Tensor) -> float | None:
        """The share of the source's rows that are given their labels, from ``[rows, classes]``.

        ``None`` where the columns are no classes, as those of a task whose classes are ordered.
        """
        if int(self._labels.max()) >= logits.shape[1]:
            return None
        marks = functional.one_hot(logits.cpu().argmax(dim=1), logits.shape[1]).float()
        given = self._target.T @ (marks - marks.mean(dim=0))
        told = self._source @ torch.cholesky_solve(given, self._factor)
        return float((told.argmax(dim=1) == self._labels).float().mean())


def _standardised(rows: Tensor) -> Tensor:
    """Each domain by itself, so that a shift of all its features says nothing of classes."""
    rows = rows.float().cpu()
    spread, mean = torch.std_mean(rows, dim=0)
    return (rows - mean) / spread.clamp_min(1e-6)
