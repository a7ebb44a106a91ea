"""Alignment: a term of the loss that draws source and target together."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from zoo.specs import AlignmentSpec


@dataclass(frozen=True)
class AlignStep:
    """What the model gives for a batch of each domain, in one step of training.

    Attributes:
        source_features, target_features: what the head is applied to, ``[rows, size]`` float32.
        source_logits, target_logits: ``[rows, outputs]`` float32.
        source_targets: of the source's inputs, as the task has them.
        progress: the share of all steps that is done, from 0 to 1.
    """

    source_features: Tensor
    target_features: Tensor
    source_logits: Tensor
    target_logits: Tensor
    source_targets: Tensor
    progress: float


class Alignment(abc.ABC):
    """Base class of every alignment.

    Args:
        spec: what the plugin declared.
        settings: checked options.

    Attributes:
        needs_classes: it reads logits as those of classes, one of which is true.
        settles_norms: batch norms take their statistics from the target before each validation.
    """

    needs_classes: ClassVar[bool] = False
    settles_norms: ClassVar[bool] = False

    def __init__(self, spec: AlignmentSpec, settings: Mapping[str, Any]) -> None:
        self.spec = spec
        self.settings = dict(settings)

    def begin(self, size: int, outputs: int) -> nn.Module | None:
        """Make what is trained beside the model, such as a discriminator; it is not kept after.

        Called before each training, when torch's generator is seeded.

        Args:
            size: of features.
            outputs: of the head.
        """
        return None

    @abc.abstractmethod
    def loss(self, step: AlignStep) -> Tensor | None:
        """What is added to the task's loss, a scalar with its weight; ``None`` adds nothing."""


__all__ = ["AlignStep", "Alignment"]
