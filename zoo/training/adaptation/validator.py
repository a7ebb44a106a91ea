"""Validator: a judge of models on a target domain that needs none of its labels."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from zoo.specs import ValidatorSpec


@dataclass(frozen=True)
class JudgeProblem:
    """What one state of a model gives for the target, and how it does on the source.

    Attributes:
        logits: of the target, ``[rows, outputs]`` float32.
        source_logits: of the source's validation rows, likewise.
        source_targets: of these.
        source_risk: the metric that chooses where there is no target; lower is better.
    """

    logits: Tensor
    source_logits: Tensor
    source_targets: Tensor
    source_risk: float


class Validator(abc.ABC):
    """Base class of every validator.

    Args:
        spec: what the plugin declared.
        settings: checked options.

    Attributes:
        needs_classes: it reads logits as those of classes, one of which is true.
    """

    needs_classes: ClassVar[bool] = False

    def __init__(self, spec: ValidatorSpec, settings: Mapping[str, Any]) -> None:
        self.spec = spec
        self.settings = dict(settings)

    @abc.abstractmethod
    def score(self, problem: JudgeProblem) -> float:
        """How well this state will do on the target: higher is better."""


__all__ = ["JudgeProblem", "Validator"]
