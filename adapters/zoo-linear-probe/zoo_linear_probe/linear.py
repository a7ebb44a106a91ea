"""Rows to fit on, and the linear map that a fit gives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """Features ``[rows, size]`` float64, and the task's targets ``[rows, …]``."""

    features: Tensor
    targets: Tensor


@dataclass(frozen=True)
class RawLinear:
    """A linear map on raw features, ``[rows, size]`` to ``[rows, outputs]``, float64."""

    weight: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Logits ``[rows, outputs]``."""
        return features @ self.weight.T + self.bias
