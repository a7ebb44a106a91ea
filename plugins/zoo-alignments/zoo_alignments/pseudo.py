"""Pseudo-labels: the target is trained on what the model itself says of it (Lee 2013).

*Pseudo-Label: the simple and efficient semi-supervised learning method for deep neural networks*, ICML
workshop. The label is the class of the largest probability, taken anew in each step; the weight is 0
up to a first share of the steps, grows to its full value up to a second, and stays there. With a
threshold only certain rows are trained on.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor
from torch.nn import functional

from zoo.plugin import Alignment, AlignStep

_FROM, _TO = 1 / 6, 1.0  # epochs 100 and 600 of the paper's schedule


class PseudoLabels(Alignment):
    """Self-training."""

    needs_classes: ClassVar[bool] = True

    def loss(self, step: AlignStep) -> Tensor | None:
        """Cross-entropy with the model's own answers; ``None`` where there is nothing to train on."""
        weight: float = self.settings["weight"] * ramp(step.progress)
        if weight == 0:
            return None
        shares, labels = step.target_logits.detach().softmax(dim=1).max(dim=1)
        certain = shares >= self.settings["threshold"]
        each = functional.cross_entropy(step.target_logits, labels, reduction="none")
        term: Tensor = weight * (each * certain).mean()
        return term


def ramp(progress: float) -> float:
    """From 0 to 1 between two shares of the steps."""
    return min(1.0, max(0.0, (progress - _FROM) / (_TO - _FROM)))
