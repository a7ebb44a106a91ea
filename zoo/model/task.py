"""Task: what is predicted. Head, loss, decoding and metrics."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from zoo.specs import TaskSpec


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input: the label, its score, and the score of every label."""

    label: str
    score: float
    scores: dict[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


class Task(abc.ABC):
    """Base class of every task.

    Args:
        spec: what the plugin declared.
        labels: names of the outputs, in the order of the head's rows.
        settings: checked options.
        name: the task's name within a composed model.

    Attributes:
        headline: the metric a person reads first; higher is better.
        monitor: the metric that chooses among epochs and settings; lower is better.
        example_labels: labels as data might give them, to try the task with where there is none.
    """

    headline: str
    monitor: str
    example_labels: ClassVar[tuple[str, ...]] = ("ant", "bee", "cat")

    def __init__(
        self, spec: TaskSpec, labels: Sequence[str], settings: Mapping[str, Any], name: str
    ) -> None:
        self.spec = spec
        self.labels = tuple(labels)
        self.settings = dict(settings)
        self.name = name

    @abc.abstractmethod
    def head(self, feature_size: int, *, bias: bool = True) -> nn.Module:
        """A new head: ``[batch, feature_size]`` to logits."""

    @abc.abstractmethod
    def targets(self, labels: Sequence[str]) -> Tensor:
        """Labels as the data gives them, as a tensor of targets.

        Raises:
            LabelProblem: a label the task does not know.
        """

    def prepare(self, targets: Tensor) -> None:
        """Look at the training targets once before training, e.g. to weigh classes."""

    @abc.abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean training loss, a scalar; convex in the logits for a convex fit to be possible."""

    @abc.abstractmethod
    def decode(self, logits: Tensor) -> list[Prediction]:
        """One prediction a row of logits."""

    @abc.abstractmethod
    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """All metrics, :attr:`headline` and :attr:`monitor` among them."""

    @abc.abstractmethod
    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Logits for ``rows`` inputs of the model that ignores its input, from training targets."""

    def confusion(self, logits: Tensor, targets: Tensor) -> Tensor | None:
        """Counts ``[true, predicted]`` where the task has such a thing."""
        return None
