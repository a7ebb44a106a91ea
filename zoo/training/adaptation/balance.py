"""How much of the target is given classes in the shares that the source has them.

An alignment that is sure of the target and wrong gives it one class more and more: most draw the
domains together as if both had each class as often (Zhao et al. 2019, arXiv:1901.09453), and
without labels of the target the source's shares are all that is known of them. Shares may differ in
truth; what of that the model without an alignment sees, the one with it may see too.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Balance:
    """What two sets of shares have in common: 1 minus their total variation distance.

    Args:
        labels: classes of the source's training rows.
    """

    def __init__(self, labels: Tensor) -> None:
        self._shares = _shares(labels.cpu(), 0)

    def __call__(self, logits: Tensor) -> float | None:
        """From 0 to 1, of ``[rows, classes]``; ``None`` where the columns are no classes."""
        columns = logits.shape[1]
        if len(self._shares) > columns:
            return None
        wanted = torch.zeros(columns)
        wanted[: len(self._shares)] = self._shares
        given = _shares(logits.cpu().argmax(dim=1), columns)
        return float(torch.minimum(given, wanted).sum())


def _shares(classes: Tensor, columns: int) -> Tensor:
    return torch.bincount(classes, minlength=columns).float() / len(classes)
