"""Regression: one or several numbers an input.

The head predicts standardised targets, so that several in different units weigh alike and one
learning rate serves all; people and metrics get them back in their own units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import BadSetting, LabelProblem, Prediction, Task, TaskSpec, cells
from zoo_tasks.masked import masked_mean
from zoo_tasks.numbers import Numbers, number


class Regression(Task):
    """Numbers, one for each of ``labels``.

    Targets are in their own units, ``[rows, outputs]`` float64, NaN where they are missing; logits
    are standardised, ``[rows, outputs]``.
    """

    headline = "r2"
    monitor = "loss"
    lower = frozenset({"loss", "mae", "rmse"})
    guess = "mean of training"
    remembers = ("mean", "scale")
    example_labels = ("price",)
    example_rows = ("1.5", "-3", "20")

    def __init__(
        self, spec: TaskSpec, labels: Sequence[str], settings: Mapping[str, Any], name: str
    ) -> None:
        super().__init__(spec, labels, settings, name)
        units = self.settings["units"]
        if len(units) > len(self.labels):
            raise BadSetting(
                f"units={','.join(units)} names more units than there are outputs "
                f"({', '.join(self.labels)}).",
                hint="Give one for each, in their order.",
            )

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Linear:
        """A linear layer, ``[batch, feature_size]`` to ``[batch, outputs]``."""
        return nn.Linear(feature_size, len(self.labels), bias=bias)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Numbers, ``[rows, outputs]`` float64, NaN where they are missing.

        Raises:
            LabelProblem: what is no number, or of no output.
        """
        return torch.tensor([self._row(label) for label in labels], dtype=torch.float64).reshape(
            len(labels), len(self.labels)
        )

    def prepare(self, targets: Tensor) -> None:
        """Take mean and standard deviation of each output."""
        means, scales = [], []
        for column in targets.T:
            known = column[~column.isnan()]
            means.append(float(known.mean()) if len(known) else 0.0)
            spread = float(known.std(correction=0)) if len(known) else 0.0
            scales.append(spread if spread > 0 else 1.0)
        self.state = {"mean": means, "scale": scales}

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean squared or Huber error of the standardised targets that are known, a scalar."""
        wanted = self._standardised(targets).to(logits)
        known = ~wanted.isnan()
        wanted = wanted.nan_to_num()
        if self.settings["loss"] == "huber":
            errors = functional.huber_loss(
                logits, wanted, reduction="none", delta=self.settings["delta"]
            )
        else:
            errors = (logits - wanted).square()
        return masked_mean(errors, known)

    def regressands(self, targets: Tensor) -> Tensor | None:
        """The standardised targets, where the loss is their mean squared error."""
        return self._standardised(targets) if self.settings["loss"] == "mse" else None

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """The means of the training targets, ``[rows, outputs]``: zeros, as logits."""
        return torch.zeros(rows, len(self.labels))

    def decode(self, logits: Tensor) -> list[Prediction]:
        """Numbers in their own units."""
        units = dict(zip(self.labels, self.settings["units"], strict=False))
        told = {"units": units} if units else {}
        return [
            Prediction(
                label=", ".join(self._in_words(row)),
                data={"values": dict(zip(self.labels, row, strict=True)), **told},
            )
            for row in self._in_units(logits).tolist()
        ]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """R², mean absolute and root mean squared error (in units), and the loss.

        Of several outputs the mean R²; errors in different units have no mean, see
        :meth:`details`. R² is left out where it is not defined: fewer than two rows.
        """
        by_output = self.details(logits, targets)
        r2 = [of["r2"] for of in by_output.values() if "r2" in of]
        found = {"r2": sum(r2) / len(r2)} if r2 else {}
        if len(by_output) == 1:
            (alone,) = by_output.values()
            found |= {name: alone[name] for name in ("mae", "rmse") if name in alone}
        return {**found, "loss": float(self.loss(logits, targets))}

    def details(self, logits: Tensor, targets: Tensor) -> dict[str, dict[str, float]]:
        """R², MAE and RMSE of each output."""
        found = self._in_units(logits)
        return {
            name: _errors(found[:, at], targets[:, at].to(found))
            for at, name in enumerate(self.labels)
        }

    def _row(self, label: str) -> list[float]:
        given = cells(label)
        if why := Numbers({}).fault(label):
            raise LabelProblem(f"{why}.", hint="Give numbers; leave out those that are missing.")
        if len(given) == 1 and len(self.labels) == 1:
            return [number(cell) for cell in given.values()]
        if label and not {*given} <= {*self.labels}:
            raise LabelProblem(
                f"{label[:60]!r} does not say which of {', '.join(self.labels)} it is.",
                hint='Give a JSON object, e.g. {"price": 3.5}.',
            )
        return [number(given.get(name, "")) for name in self.labels]

    def _standardised(self, targets: Tensor) -> Tensor:
        mean, scale = self._moments(targets)
        return (targets - mean) / scale

    def _in_units(self, logits: Tensor) -> Tensor:
        mean, scale = self._moments(logits.double())
        return logits.double() * scale + mean

    def _moments(self, like: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.state.get("mean", [0.0] * len(self.labels))
        scale = self.state.get("scale", [1.0] * len(self.labels))
        return like.new_tensor(mean), like.new_tensor(scale)

    def _in_words(self, row: Sequence[float]) -> list[str]:
        units: Sequence[Any] = self.settings["units"]
        words = [f"{value:.6g}" for value in row]
        words = [f"{w} {u}" for w, u in zip(words, units, strict=False)] + words[len(units) :]
        if len(self.labels) == 1:
            return words
        return [f"{name} {word}" for name, word in zip(self.labels, words, strict=True)]


def _errors(found: Tensor, targets: Tensor) -> dict[str, float]:
    from torchmetrics.functional import regression as measures

    known = ~targets.isnan()
    found, targets = found[known], targets[known]
    if not len(targets):
        return {}
    errors = {
        "mae": float(measures.mean_absolute_error(found, targets)),
        "rmse": float(measures.mean_squared_error(found, targets, squared=False)),
    }
    if len(targets) < 2:
        return errors
    return {"r2": _r2(found, targets), **errors}


def _r2(found: Tensor, targets: Tensor) -> float:
    """As scikit-learn: of equal targets 1 where all are hit, else 0."""
    from torchmetrics.functional import regression as measures

    if bool((targets == targets[0]).all()):
        return float(torch.equal(found, targets))
    return float(measures.r2_score(found, targets))
