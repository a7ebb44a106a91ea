"""Task: what is predicted. Targets, head, loss, decoding and metrics."""

from __future__ import annotations

import abc
import copy
import functools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor, nn

from zoo.data.labelling import Classes, Labelling, labelling_of
from zoo.errors import BadSetting
from zoo.model.backbone import Backbone, Batch, Features
from zoo.model.parts import Parts
from zoo.model.prediction import Prediction
from zoo.model.preprocess import Preprocess
from zoo.specs import TaskSpec

if TYPE_CHECKING:
    from zoo.model.language import Tell


class Task(abc.ABC):
    """Base class of every task.

    A *unit* is what one row of logits speaks of: a whole input, unless the task says otherwise, as
    one that labels each word does. Such a task overrides :meth:`select`, :meth:`units` and
    :meth:`by_row`; for all others the words mean the same.

    Args:
        spec: what the plugin declared.
        labels: names of the outputs, in the order of the head's rows.
        settings: checked options.
        name: the task's name within a composed model.

    Attributes:
        headline: the metric a person reads first; higher is better.
        monitor: the metric that chooses among epochs and settings; lower is better.
        lower: the metrics of which less is better.
        guess: what the model is called that ignores its input, see :meth:`majority`.
        remembers: names of numbers, one an output, that :meth:`prepare` and :meth:`tune` take from
            data and that answers depend on.
        state: these numbers; an artifact keeps them.
        several_units: an input has more units than one.
        speaks: answers are texts that a language head makes.
        makes_texts: and :meth:`judged` says how good they are.
        epoch: of the training in progress, 0 outside of it: what is drawn anew in each goes by it.
        example_labels: names of outputs, to try the task with where there is no data.
        example_rows: labels as data might give them; by default ``example_labels``.
    """

    headline: str
    monitor: str
    lower: ClassVar[frozenset[str]] = frozenset()
    guess: ClassVar[str] = "majority class"
    remembers: ClassVar[tuple[str, ...]] = ()
    several_units: ClassVar[bool] = False
    speaks: ClassVar[bool] = False
    makes_texts: bool = False
    epoch: int = 0
    example_labels: ClassVar[tuple[str, ...]] = ("ant", "bee", "cat")
    example_rows: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, spec: TaskSpec, labels: Sequence[str], settings: Mapping[str, Any], name: str
    ) -> None:
        self.spec = spec
        self.labels = tuple(labels)
        self.settings = dict(settings)
        self.name = name
        self.state: dict[str, list[float]] = {}

    @functools.cached_property
    def labelling(self) -> Labelling:
        """What this task makes of the labels that data gives."""
        if not self.spec.labelling:
            return Classes(self.settings)
        return labelling_of(self.spec.name, self.settings)

    # === The head, and what it sits on ===

    @abc.abstractmethod
    def head(self, feature_size: int, *, bias: bool = True) -> nn.Module:
        """A new head: ``[…, feature_size]`` to logits ``[…, outputs]``."""

    def require(self, backbone: Backbone) -> None:
        """Refuse a backbone that this task cannot sit on, for another reason than its modality.

        Raises:
            Incompatible: it cannot.
        """

    @property
    def reads_pooled(self) -> bool:
        """Whether its head sits on what the backbone pools of one of its own samples."""
        return type(self).select is Task.select and self.labelling.inputs == 1

    def preprocess(self, preprocess: Preprocess) -> Preprocess:
        """What turns this task's samples into tensors, made from what the backbone has for its own."""
        return preprocess

    def taught(self, samples: Sequence[Any], labels: Sequence[str]) -> Sequence[Any]:
        """Samples to train and measure on; of a task that reads its labels, with these."""
        return samples

    def in_parts(
        self, samples: Sequence[Any], labels: Sequence[str], preprocess: Preprocess
    ) -> Parts:
        """Samples with their labels; of one that is too long to be read at once, its parts.

        Args:
            samples: raw ones.
            labels: of them, before :meth:`taught`.
            preprocess: of the backbone.
        """
        return Parts(samples, labels)

    def sample(self, sample: Any) -> Any:
        """A sample of this task, made of one of the backbone's; models are tried with such."""
        return sample

    def adjust(self, label: str, sample: Any) -> str:
        """A label that ``sample`` might have, made of one of another; tasks are tried with such."""
        return label

    def select(self, features: Features, batch: Batch) -> Tensor:
        """What the head is applied to, ``[rows, size]``.

        ``[rows, units, size]`` where an input has several units; :meth:`real_units` says which of
        them are no padding.
        """
        return features.pooled

    def real_units(self, batch: Batch) -> Tensor | None:
        """1 for units and 0 for padding, ``[rows, units]``; ``None`` where an input is one unit."""
        return None

    def feature_size(self, backbone: Backbone) -> int:
        """The last size of what :meth:`select` gives."""
        return backbone.feature_size

    # === Targets and training ===

    @abc.abstractmethod
    def targets(self, labels: Sequence[str]) -> Tensor:
        """Labels as the data gives them, as a tensor of targets, a row each.

        Raises:
            LabelProblem: a label the task does not know.
        """

    def units(self, targets: Tensor) -> Tensor:
        """The targets of all units, one row each, in the order of rows and units."""
        return targets

    def by_row(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Logits of all units, one row each, as those of the inputs that ``targets`` belong to."""
        return logits

    def prepare(self, targets: Tensor) -> None:
        """Look at the training targets once before training, e.g. to weigh classes."""

    def drawn(self, targets: Tensor, weights: Tensor | None = None) -> None:
        """Look at how often training draws each row, once before its first step.

        Args:
            targets: of the training rows.
            weights: with which they are drawn, ``[rows]``; ``None`` where each is drawn once.
        """

    @abc.abstractmethod
    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean training loss, a scalar; convex in the logits for a convex fit to be possible.

        Takes logits of inputs with the targets of inputs, and those of units with those of units.
        """

    def regressands(self, targets: Tensor) -> Tensor | None:
        """Where the loss is the mean squared difference of logits and some numbers: these numbers.

        ``[units, outputs]``, NaN where there is none. An adapter can then fit the head in closed
        form. ``None`` where the loss is another.
        """
        return None

    @abc.abstractmethod
    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Logits for ``rows`` units of the model that ignores its input, from training units."""

    def temperature(self, logits: Tensor, targets: Tensor) -> float:
        """What to divide logits by so that they are as sure as they are right, at least 1.

        Asked of validation logits in training. Answers may not depend on it, only how sure they are;
        1 where logits are no such thing.
        """
        return 1.0

    # === Answers ===

    def tune(self, logits: Tensor, targets: Tensor) -> None:
        """Look at validation logits once after training, e.g. to choose thresholds."""

    def tuned(self, logits: Tensor, targets: Tensor) -> Task:
        """A copy as :meth:`tune` makes it with these; the task itself is unchanged."""
        other = copy.copy(self)
        other.state = {name: list(values) for name, values in self.state.items()}
        other.tune(logits, targets)
        return other

    @abc.abstractmethod
    def decode(self, logits: Tensor) -> list[Prediction]:
        """One prediction a row of logits."""

    def predictions(self, logits: Tensor, samples: Sequence[Any]) -> list[Prediction]:
        """As :meth:`decode`, where an answer speaks of places in its sample."""
        return self.decode(logits)

    @abc.abstractmethod
    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """All metrics, :attr:`headline` and :attr:`monitor` among them."""

    def answers(
        self,
        backbone: Backbone,
        samples: Sequence[Any],
        *,
        batch_size: int,
        tell: Tell | None = None,
    ) -> list[Prediction]:
        """What a backbone's own language head says of raw samples; only of a task that uses one.

        Args:
            backbone: loaded with it, adapter and all.
            samples: without labels.
            batch_size: samples at a time.
            tell: is given each piece of an answer as it is made.
        """
        raise TypeError(f"{type(self).__name__} uses no language head")

    def judged(
        self, answers: Sequence[Prediction], samples: Sequence[Any], labels: Sequence[str]
    ) -> dict[str, float]:
        """Metrics of answers that are texts; given the raw samples and labels of their rows."""
        return {}

    def details(self, logits: Tensor, targets: Tensor) -> dict[str, dict[str, float]]:
        """Metrics of each output, where that says more than they all together."""
        return {}

    def confusion(self, logits: Tensor, targets: Tensor) -> Tensor | None:
        """Counts ``[true, predicted]`` where the task has such a thing."""
        return None

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Take over the numbers that another task of these labels had as its :attr:`state`.

        Raises:
            BadSetting: they are not numbers of this task.
        """
        for name, values in state.items():
            if name not in self.remembers:
                raise BadSetting(f"{self.spec.name} remembers no {name!r}.")
            if len(values) != len(self.labels) or not all(map(math.isfinite, values)):
                raise BadSetting(
                    f"{self.spec.name}: {name} has to be one finite number for each of "
                    f"{len(self.labels)} outputs."
                )
        self.state = {name: [float(value) for value in values] for name, values in state.items()}
