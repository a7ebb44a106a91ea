"""Labels in groups: to take a cat for a dog is a smaller mistake than to take it for an oak.

The loss is the hierarchical cross-entropy of Bertinetto et al. 2020 (arXiv:1912.09393) for two
levels: -log p(group) - within * log p(label | group). The probability of a group is the sum of its
labels', so one linear head serves both levels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import LabelProblem, Prediction, Task, TaskSpec


class Hierarchy(Task):
    """Targets are positions of labels, ``[rows]``; logits are ``[rows, labels]``."""

    headline = "accuracy"
    monitor = "hierarchical_log_loss"
    example_labels = ("animal:cat", "animal:dog", "plant:oak", "plant:rose")

    def __init__(
        self, spec: TaskSpec, labels: Sequence[str], settings: Mapping[str, Any], name: str
    ) -> None:
        super().__init__(spec, labels, settings, name)
        of_labels = [label.partition(self.settings["separator"])[0] for label in self.labels]
        self.groups = tuple(dict.fromkeys(of_labels))
        self._group_of = torch.tensor([self.groups.index(group) for group in of_labels])

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Linear:
        """A linear layer, ``[batch, feature_size]`` to ``[batch, labels]``."""
        return nn.Linear(feature_size, len(self.labels), bias=bias)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Positions of labels as data gives them.

        Raises:
            LabelProblem: a label that the task does not know.
        """
        positions = {label: i for i, label in enumerate(self.labels)}
        for label in labels:
            if label not in positions:
                raise LabelProblem(
                    f"The label {label!r} is not one this model knows "
                    f"({', '.join(self.labels[:10])}).",
                    hint="Mend the label, or fit again on data that has it.",
                )
        return torch.tensor([positions[label] for label in labels])

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Hierarchical cross-entropy, a scalar."""
        labels = functional.nll_loss(logits.log_softmax(-1), targets)
        groups = functional.nll_loss(self._group_scores(logits), self._groups_of(targets))
        # log p(label | group) = log p(label) - log p(group)
        within: float = self.settings["within"]
        return groups + within * (labels - groups)

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The most probable label of the most probable group, with the probability of both."""
        found = []
        for row, groups in zip(logits.softmax(-1), self._group_scores(logits).exp(), strict=True):
            inside = self._group_of.to(row.device) == groups.argmax()
            best = int(row.where(inside, torch.zeros_like(row)).argmax())
            scores = dict(zip(self.groups, groups.tolist(), strict=True))
            scores |= dict(zip(self.labels, row.tolist(), strict=True))
            found.append(Prediction(self.labels[best], float(row[best]), scores))
        return found

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Accuracy of labels and of groups, and the losses (nats)."""
        predicted = self.targets([p.label for p in self.decode(logits)]).to(targets.device)
        right = predicted == targets
        group_right = self._groups_of(predicted) == self._groups_of(targets)
        return {
            "accuracy": float(right.float().mean()),
            "group_accuracy": float(group_right.float().mean()),
            "log_loss": float(functional.cross_entropy(logits, targets)),
            "hierarchical_log_loss": float(self.loss(logits, targets)),
        }

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Log frequencies of the training targets, repeated, ``[rows, labels]``."""
        counts = torch.bincount(targets, minlength=len(self.labels)).float() + 1e-6
        return (counts / counts.sum()).log().expand(rows, -1)

    def confusion(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Counts ``[true, predicted]``."""
        predicted = self.targets([p.label for p in self.decode(logits)])
        size = len(self.labels)
        return torch.bincount(targets * size + predicted, minlength=size**2).reshape(size, size)

    def _groups_of(self, targets: Tensor) -> Tensor:
        return self._group_of.to(targets.device)[targets]

    def _group_scores(self, logits: Tensor) -> Tensor:
        """Log probabilities of groups, ``[rows, groups]``."""
        scores = logits.log_softmax(-1)
        members = self._group_of.to(logits.device)
        return torch.stack(
            [scores[:, members == group].logsumexp(-1) for group in range(len(self.groups))], -1
        )
