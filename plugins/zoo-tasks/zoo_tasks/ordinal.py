"""Ordinal grades: labels in an order, where a near miss is better than a far one.

CORN (Shi, Cao and Raschka 2021, arXiv:2111.08851): output k is the probability of a higher grade than
k, given that it is at least k, learned on the rows of which that is true. CORAL (Cao, Mirjalili and
Raschka 2020, arXiv:1901.07884): output k is the probability of a higher grade than k; all outputs
share their weights and differ in a cut-off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import LabelProblem, Prediction, Task
from zoo_tasks.masked import masked_mean


class Ordinal(Task):
    """One of ``labels``, lowest first.

    Targets are positions, ``[rows]`` int64; logits are ``[rows, labels - 1]``.
    """

    headline = "kappa"
    monitor = "loss"
    lower = frozenset({"loss", "mae"})
    example_labels = ("1", "2", "3", "4")

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Module:
        """A linear layer to ``[batch, labels - 1]``; of CORAL one that shares its weights."""
        if self.settings["method"] == "coral":
            return SharedLinear(feature_size, len(self.labels) - 1)
        return nn.Linear(feature_size, len(self.labels) - 1, bias=bias)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Positions of grades, ``[rows]``.

        Raises:
            LabelProblem: a grade that is not among those the task has.
        """
        positions = {label: at for at, label in enumerate(self.labels)}
        if unknown := sorted({*labels} - positions.keys()):
            raise LabelProblem(
                f"The grade {unknown[0]!r} is not one this model knows ({', '.join(self.labels)}).",
                hint="Mend the grade, or fit again on data that has it.",
            )
        return torch.tensor([positions[label] for label in labels], dtype=torch.long)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean binary cross-entropy of the questions that a row answers, a scalar."""
        steps = torch.arange(logits.shape[-1], device=logits.device)
        higher = (targets[:, None] > steps).to(logits)
        losses = functional.binary_cross_entropy_with_logits(logits, higher, reduction="none")
        if self.settings["method"] == "coral":
            return losses.mean()
        return masked_mean(losses, targets[:, None] >= steps)

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """The training frequencies as logits, repeated, ``[rows, labels - 1]``."""
        steps = torch.arange(len(self.labels) - 1)
        higher = (targets[:, None] > steps).float()
        if self.settings["method"] == "coral":
            shares = higher.mean(0)
        else:
            asked = (targets[:, None] >= steps).float()
            shares = higher.sum(0) / asked.sum(0).clamp(min=1)
        return shares.clamp(1e-6, 1 - 1e-6).logit().expand(rows, -1)

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The median grade of each row, with the probability of every grade."""
        return [
            Prediction(
                label=self.labels[at],
                score=row[at],
                scores=dict(zip(self.labels, row, strict=True)),
            )
            for at, row in zip(
                self._median(logits).tolist(), self._probabilities(logits).tolist(), strict=True
            )
        ]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Quadratic weighted kappa, mean error in grades, accuracy and the loss.

        Kappa is left out where it is not defined: all rows of one grade, and all said to be.
        """
        from torchmetrics.functional import classification as measures

        found = self._median(logits)
        kappa = float(
            measures.multiclass_cohen_kappa(
                found, targets, num_classes=len(self.labels), weights="quadratic"
            )
        )
        return {
            **({"kappa": kappa} if math.isfinite(kappa) else {}),
            "mae": float((found - targets).abs().double().mean()),
            "accuracy": float((found == targets).double().mean()),
            "loss": float(self.loss(logits, targets)),
        }

    def confusion(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Counts ``[true, predicted]``."""
        from torchmetrics.functional import classification as measures

        return measures.multiclass_confusion_matrix(self._median(logits), targets, len(self.labels))

    def _higher(self, logits: Tensor) -> Tensor:
        """The probability of a higher grade than each but the last, falling from left to right."""
        if self.settings["method"] == "corn":
            return logits.sigmoid().cumprod(-1)
        # Cut-offs need not end up in order; a probability above that of a lower step is none.
        return logits.sigmoid().cummin(-1).values

    def _median(self, logits: Tensor) -> Tensor:
        return (self._higher(logits) > 0.5).sum(-1)

    def _probabilities(self, logits: Tensor) -> Tensor:
        higher = functional.pad(self._higher(logits), (1, 0), value=1.0)
        return higher - functional.pad(higher[:, 1:], (0, 1), value=0.0)


class SharedLinear(nn.Module):
    """One direction in the features and ``outputs`` cut-offs on it.

    Args:
        inputs: the last size of the features.
        outputs: how many cut-offs.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.empty(inputs))
        # From likely to unlikely, so that the first steps do not start from reversed grades.
        self.cuts = nn.Parameter(torch.linspace(1.0, -1.0, outputs))
        nn.init.normal_(self.direction, std=inputs**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """``[…, inputs]`` to ``[…, outputs]``."""
        return (features @ self.direction)[..., None] + self.cuts
