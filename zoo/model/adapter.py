"""Adapter: what is trainable and how."""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from zoo.errors import Incompatible
from zoo.model.backbone import Backbone
from zoo.model.native import NativeHead
from zoo.model.task import Task
from zoo.specs import AdapterSpec


@dataclass(frozen=True)
class Layout:
    """An adapter's state as files, by file name and tensor name.

    The tensors are the live ones, detached: saving reads them and loading copies into them, so one
    description serves both and nothing can be left out on one side.

    Attributes:
        tensors: safetensors files.
        configs: JSON files that stock libraries want; zoo itself never reads them.
        holds_heads: the heads are inside, so that no ``heads.safetensors`` is needed.
        changed: the backbone's own tensors that training may change, parameters and buffers, by
            their names in :attr:`Backbone.module`. Where the base library has a layout for a whole
            model they are saved in that, with the head, and else by themselves.
    """

    tensors: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    holds_heads: bool = False
    changed: Collection[str] = ()


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn at a rate of their own.

    Attributes:
        parameters: of the backbone or of the heads.
        rate: factor on the learning rate.
        decays: whether weight decay applies.
    """

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    decays: bool = True


@dataclass(frozen=True)
class HeadProblem:
    """A head to be fitted on frozen features.

    Attributes:
        task: gives the loss and the metrics.
        head: the module to set, ``[feature_size] -> logits``.
        features, targets: training rows, ``[rows, feature_size]`` and ``[rows, …]``.
        val_features, val_targets: validation rows that choose hyper-parameters.
        refit: whether the head may in the end be fitted on the validation rows too.
        seed: for whatever is random.
        larger: a solved problem of which these are some of the rows. What was chosen there may be
            taken over, as fits so many rows, in place of being chosen anew.
    """

    task: Task
    head: nn.Module
    features: Tensor
    targets: Tensor
    val_features: Tensor
    val_targets: Tensor
    refit: bool = True
    seed: int = 0
    larger: Larger | None = None


@dataclass(frozen=True)
class Larger:
    """A problem that was solved before.

    Attributes:
        rows: how many it trained on.
        chosen: its :attr:`Solution.chosen`.
    """

    rows: int
    chosen: Mapping[str, Any]


@dataclass(frozen=True)
class Solution:
    """How a :class:`HeadProblem` was solved.

    Attributes:
        chosen: hyper-parameters that were chosen, for the report.
        val_logits: of the validation rows, by a head that was not fitted on them.
        refitted: whether the head has in the end been fitted on the validation rows too.
    """

    chosen: dict[str, Any]
    val_logits: Tensor
    refitted: bool = False


class Adapter(abc.ABC):
    """Base class of every adapter.

    Before :meth:`attach` is called all of the backbone is frozen, and during training it stays in
    evaluation mode (batch-norm statistics and dropout included): an adapter switches on what it
    trains and nothing else.

    Attributes:
        trains_backbone: ``False`` where features are constant, so that they are computed once and
            :meth:`solve` fits the head.
    """

    trains_backbone: ClassVar[bool] = True

    def __init__(self, spec: AdapterSpec, settings: Mapping[str, Any]) -> None:
        self.spec = spec
        self.settings = dict(settings)

    @abc.abstractmethod
    def attach(self, backbone: Backbone) -> None:
        """Insert what is to be trained into ``backbone.module`` and let it require gradients.

        Raises:
            Incompatible: this adapter has nothing to sit on in this backbone.
        """

    def train(self, backbone: Backbone, mode: bool) -> None:
        """Put this adapter's own modules, and no other, in training mode or out of it."""

    def training(self, backbone: Backbone) -> Mapping[str, Any]:
        """Defaults of the training loop on this backbone, where those of the spec do not suit it."""
        return {}

    def groups(
        self, backbone: Backbone, heads: Mapping[str, nn.Module]
    ) -> Sequence[ParameterGroup]:
        """What learns at another rate than the one that was set; each parameter at most once."""
        return ()

    def start_epoch(self, backbone: Backbone, epoch: int, epochs: int) -> None:
        """Choose what of the trained parameters rests in this epoch: let it require no gradient.

        Called before each epoch, counted from 1 of at most ``epochs``; :meth:`train` follows. After
        the last one the loop lets all of them require gradients again.
        """

    def penalty(self, backbone: Backbone) -> Tensor | None:
        """A term that is added to the loss of each step, a scalar; ``None`` where there is none."""
        return None

    def companion(self, backbone: Backbone, problem: HeadProblem) -> nn.Module | None:
        """What is trained beside the model to teach it, and thrown away with the last step.

        Called once, before training, with features that were taken before it.

        Returns:
            A module of pooled features ``[batch, feature_size]`` and targets to a scalar, which is
            added to the loss of the batch; ``None`` where there is none.

        Raises:
            Incompatible: the settings ask for what backbone or task do not bear.
        """
        return None

    def solve(self, problem: HeadProblem) -> Solution:
        """Set ``problem.head`` to the best fit on frozen features.

        Only called where :attr:`trains_backbone` is ``False``.
        """
        raise TypeError(f"{type(self).__name__} trains the backbone and solves nothing")

    @abc.abstractmethod
    def layout(
        self, backbone: Backbone, heads: Mapping[str, nn.Module], native: NativeHead | None
    ) -> Layout:
        """The trained state as files; empty where the heads are all there is.

        Args:
            backbone: with this adapter attached.
            heads: by task name.
            native: the base library's own place for the one head, or ``None``.
        """

    def detach(self, backbone: Backbone) -> None:
        """Take out what :meth:`attach` inserted; ``backbone`` answers as it did before that.

        Raises:
            Incompatible: the backbone's own weights were trained, and nothing has kept the old.
        """
        raise Incompatible(
            f"{self.spec.name} cannot be taken off a backbone.", hint="Load the backbone again."
        )

    def merge(self, backbone: Backbone) -> None:
        """Fold what was trained into ``backbone``'s own weights and take out the rest.

        It then answers as before up to rounding, and its tensors have the names and shapes that
        they had before :meth:`attach`.

        Raises:
            Incompatible: the method is nothing that the backbone's own layers could compute.
        """
        raise Incompatible(
            f"{self.spec.name} cannot be merged into a backbone.",
            hint="Publish it as it is; an artifact needs no merging.",
        )

    def stock_code(self) -> tuple[tuple[str, ...], str] | None:
        """Import lines, and the line that puts this adapter from ``{repo}`` onto ``model``.

        ``None`` where no library but zoo has the method.
        """
        return None
