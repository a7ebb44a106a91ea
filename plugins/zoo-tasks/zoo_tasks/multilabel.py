"""Multilabel: any number of labels an input, some of which may not be known.

A gap contributes nothing to the loss and its logit gets a gradient of exactly zero. The asymmetric
loss is that of Ridnik et al. 2021, arXiv:2009.14119: easy negatives, of which there are most, count
for little. It is not convex.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import LabelProblem, Prediction, Task
from zoo_tasks.marks import Marks, marks_of
from zoo_tasks.masked import masked_mean

_SHIFT = 0.05  # of the probability of negatives, below which they count for nothing
_NONE = "none"


class Multilabel(Task):
    """Each of ``labels`` or not.

    Targets are 0, 1 or NaN where it is not known, ``[rows, labels]``; logits have the same shape.
    """

    headline = "average_precision"
    monitor = "log_loss"
    lower = frozenset({"log_loss"})
    guess = "label frequencies"
    remembers = ("threshold",)
    example_labels = ("sunny", "windy")
    example_rows = (
        '{"sunny": "1", "windy": "0"}',
        '{"sunny": "0", "windy": "1"}',
        '{"sunny": "1", "windy": "1"}',
    )

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Linear:
        """A linear layer, ``[batch, feature_size]`` to ``[batch, labels]``."""
        return nn.Linear(feature_size, len(self.labels), bias=bias)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Marks, ``[rows, labels]``, NaN where they are missing.

        Raises:
            LabelProblem: a label that the task does not have, or what is no mark.
        """
        labelling = Marks({})
        for label in labels:
            if why := labelling.fault(label):
                raise LabelProblem(f"{why}.", hint="Give 0, 1 or nothing, or a list of labels.")
            if odd := labelling.unknown(label, self.labels):
                raise LabelProblem(
                    f"The label {odd} is not one this model knows ({', '.join(self.labels[:10])}).",
                    hint="Mend the label, or fit again on data that has it.",
                )
        nan = float("nan")
        rows = [[nan if m is None else m for m in marks_of(one, self.labels)] for one in labels]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(labels), len(self.labels))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Binary cross-entropy or the asymmetric loss over what is known, a scalar."""
        known = ~targets.isnan()
        wanted = targets.nan_to_num().to(logits)
        if self.settings["loss"] == "asymmetric":
            return masked_mean(self._asymmetric(logits, wanted), known)
        losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        return masked_mean(losses, known)

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Log odds of the training frequencies, repeated, ``[rows, labels]``."""
        return targets.nanmean(0).nan_to_num(0.5).clamp(1e-6, 1 - 1e-6).logit().expand(rows, -1)

    def tune(self, logits: Tensor, targets: Tensor) -> None:
        """Choose the threshold of each label that has the best F1 on these rows."""
        if self.settings["thresholds"] == "half":
            return
        scores = _probabilities(logits)
        self.state = {
            "threshold": [
                _best_threshold(scores[:, at], targets[:, at]) for at in range(len(self.labels))
            ]
        }

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The labels whose probability reaches their threshold, all probabilities and thresholds."""
        scores = _probabilities(logits)
        limits = self._thresholds(scores)
        thresholds = dict(zip(self.labels, limits.tolist(), strict=True))
        found = []
        for row in scores:
            reached = [
                n for n, yes in zip(self.labels, (row >= limits).tolist(), strict=True) if yes
            ]
            found.append(
                Prediction(
                    label=", ".join(reached) or _NONE,
                    scores=dict(zip(self.labels, row.tolist(), strict=True)),
                    data={"labels": reached, "thresholds": thresholds},
                )
            )
        return found

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Means of average precision, AUROC and F1 over labels, micro F1, and log loss (nats).

        A label that is the same in all rows has no AUROC, and without a positive no average
        precision and no F1: it is left out of the mean, and a mean over none is left out.
        """
        from torchmetrics.functional import classification as measures

        by_label = self.details(logits, targets).values()
        found = {
            name: sum(values) / len(values)
            for name in ("average_precision", "auroc")
            if (values := [of[name] for of in by_label if name in of])
        }
        f1 = [of["f1"] for of in by_label if "f1" in of]
        if f1:
            known = ~targets.isnan()
            scores = _probabilities(logits)
            reached = scores >= self._thresholds(scores)
            found["macro_f1"] = sum(f1) / len(f1)
            found["micro_f1"] = float(
                measures.binary_f1_score(reached[known].long(), targets[known].long())
            )
        losses = functional.binary_cross_entropy_with_logits(
            logits, targets.nan_to_num().to(logits), reduction="none"
        )
        return {**found, "log_loss": float(masked_mean(losses, ~targets.isnan()))}

    def details(self, logits: Tensor, targets: Tensor) -> dict[str, dict[str, float]]:
        """Average precision, AUROC, F1 and threshold of each label."""
        scores = _probabilities(logits)
        limits = self._thresholds(scores).tolist()
        return {
            name: {**_of_label(scores[:, at], targets[:, at], limits[at]), "threshold": limits[at]}
            for at, name in enumerate(self.labels)
        }

    def _asymmetric(self, logits: Tensor, targets: Tensor) -> Tensor:
        likely = logits.sigmoid()
        unlikely = (1 - likely + _SHIFT).clamp(max=1)
        right = targets * likely + (1 - targets) * unlikely
        positive: float = self.settings["gamma_positive"]
        negative: float = self.settings["gamma_negative"]
        gamma = targets * positive + (1 - targets) * negative
        return -((1 - right).clamp(min=1e-8) ** gamma) * right.clamp(min=1e-8).log()

    def _thresholds(self, like: Tensor) -> Tensor:
        return like.new_tensor(self.state.get("threshold", [0.5] * len(self.labels)))


def _probabilities(logits: Tensor) -> Tensor:
    """In float64: in float32 all that is very likely is 1, and its order is lost."""
    return logits.double().sigmoid()


def _of_label(scores: Tensor, targets: Tensor, limit: float) -> dict[str, float]:
    from torchmetrics.functional import classification as measures

    known = ~targets.isnan()
    scores, marks = scores[known], targets[known].long()
    if not marks.any():
        return {}
    found = {
        "average_precision": float(measures.binary_average_precision(scores, marks)),
        "f1": float(measures.binary_f1_score((scores >= limit).long(), marks)),
    }
    if not marks.all():
        found["auroc"] = float(measures.binary_auroc(scores, marks))
    return found


def _best_threshold(scores: Tensor, targets: Tensor) -> float:
    """Half way between the two scores that separate best; 0.5 where there is only one class."""
    known = ~targets.isnan()
    scores, order = scores[known].sort(descending=True)
    marks = targets[known][order].double()
    if not marks.any() or marks.all():
        return 0.5
    right = marks.cumsum(0)
    f1 = 2 * right / (torch.arange(1, len(marks) + 1) + marks.sum())
    # Equal scores fall on one side: a threshold can only be where the score changes.
    ends = torch.cat([scores[:-1] != scores[1:], torch.tensor([True])])
    best = int(f1.where(ends, -1).argmax())
    below = float(scores[best + 1]) if best + 1 < len(scores) else 0.0
    return (float(scores[best]) + below) / 2
