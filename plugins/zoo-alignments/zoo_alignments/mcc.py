"""MCC: the target's predictions are to confuse as few pairs of classes as can be (Jin et al. 2020).

arXiv:1912.03699. Logits are divided by a temperature (2.5), rows weigh by their certainty, the
correlation of classes is normalised by class, and what lies off its diagonal is the loss.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from zoo.plugin import Alignment, AlignStep


class Mcc(Alignment):
    """On the target alone; the weight is constant."""

    needs_classes: ClassVar[bool] = True

    def loss(self, step: AlignStep) -> Tensor:
        """The weighted confusion."""
        weight: float = self.settings["weight"]
        return weight * confusion(step.target_logits, self.settings["temperature"])


def confusion(logits: Tensor, temperature: float) -> Tensor:
    """Between 0 and 1 - 1 / classes, of logits ``[rows, classes]``."""
    shares = (logits / temperature).softmax(dim=1)
    entropy = torch.special.entr(shares).sum(dim=1).detach()
    weights = 1 + torch.exp(-entropy)
    weights = weights * len(shares) / weights.sum()
    pairs = (shares * weights[:, None]).T @ shares
    pairs = pairs / pairs.sum(dim=1, keepdim=True)
    return (pairs.sum() - pairs.diagonal().sum()) / len(pairs)
