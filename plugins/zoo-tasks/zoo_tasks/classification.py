"""Classification: one label an input, cross-entropy, and the metrics people ask for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import LabelProblem, Prediction, Task
from zoo_tasks.temperature import least_loss

CALIBRATION_BINS = 15


class Classification(Task):
    """One of ``labels`` for each input.

    Targets are class positions, ``[rows]`` int64; logits are ``[rows, classes]``.
    """

    headline = "accuracy"
    monitor = "log_loss"
    lower = frozenset({"log_loss", "calibration_error"})
    _weights: Tensor | None = None

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Linear:
        """A linear layer, ``[batch, feature_size]`` to ``[batch, classes]``."""
        return nn.Linear(feature_size, len(self.labels), bias=bias)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Positions of ``labels``, ``[rows]``.

        Raises:
            LabelProblem: a label that is not among those the task has.
        """
        positions = {label: i for i, label in enumerate(self.labels)}
        unknown = sorted({label for label in labels if label not in positions})
        if unknown:
            shown = ", ".join(self.labels[:10]) + (", …" if len(self.labels) > 10 else "")
            raise LabelProblem(
                f"The label {unknown[0]!r} is not one this model knows ({shown}).",
                hint="Mend the label, or fit again on data that has it.",
            )
        return torch.tensor([positions[label] for label in labels], dtype=torch.long)

    def prepare(self, targets: Tensor) -> None:
        """Weigh classes by the inverse of their frequency where ``class_weights=balanced``."""
        if self.settings["class_weights"] == "balanced":
            counts = torch.bincount(targets, minlength=len(self.labels)).clamp(min=1).double()
            self._weights = counts.sum() / (len(self.labels) * counts)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, a scalar."""
        weights = None if self._weights is None else self._weights.to(logits)
        return functional.cross_entropy(
            logits, targets, weight=weights, label_smoothing=self.settings["label_smoothing"]
        )

    def temperature(self, logits: Tensor, targets: Tensor) -> float:
        """The one of least log loss (Guo et al. 2017, arXiv:1706.04599)."""
        return least_loss(logits, lambda divided: functional.cross_entropy(divided, targets))

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The most probable label a row, with the probability of each."""
        probabilities = logits.softmax(dim=-1)
        return [
            Prediction(
                label=self.labels[int(row.argmax())],
                score=float(row.max()),
                scores=dict(zip(self.labels, row.tolist(), strict=True)),
            )
            for row in probabilities
        ]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Accuracy, balanced accuracy, macro F1, log loss (nats) and expected calibration error.

        The calibration error follows Guo et al. 2017, arXiv:1706.04599, over 15 bins.
        """
        from torchmetrics.functional import classification as measures

        classes = len(self.labels)
        probabilities = logits.softmax(dim=-1)
        found = {
            "accuracy": measures.multiclass_accuracy(
                probabilities, targets, classes, average="micro"
            ),
            "balanced_accuracy": self._balanced_accuracy(logits, targets),
            "macro_f1": measures.multiclass_f1_score(
                probabilities, targets, classes, average="macro"
            ),
            "log_loss": functional.cross_entropy(logits, targets),
            "calibration_error": measures.multiclass_calibration_error(
                probabilities, targets, classes, n_bins=CALIBRATION_BINS
            ),
        }
        return {name: float(value) for name, value in found.items()}

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Log frequencies of the training targets, repeated, ``[rows, classes]``."""
        counts = torch.bincount(targets, minlength=len(self.labels)).float() + 1e-6
        return (counts / counts.sum()).log().expand(rows, -1)

    def confusion(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Counts ``[true, predicted]``."""
        from torchmetrics.functional import classification as measures

        return measures.multiclass_confusion_matrix(logits, targets, len(self.labels))

    def _balanced_accuracy(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean recall over the classes that occur; torchmetrics also counts absent predicted ones."""
        from torchmetrics.functional import classification as measures

        recall = measures.multiclass_recall(logits, targets, len(self.labels), average="none")
        present = torch.bincount(targets, minlength=len(self.labels)) > 0
        return recall[present].mean()
