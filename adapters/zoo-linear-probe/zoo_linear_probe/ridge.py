"""Ridge regression in closed form (Hoerl and Kennard 1970), on standardised features.

The minimiser of mean squared error + penalty/2 · |weights|², where the mean is over all numbers that
are known and the features of each output are standardised over its own rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo_linear_probe.linear import RawLinear


class Ridge:
    """Fits at any penalty; what takes time is done once.

    Args:
        features: ``[rows, size]`` float64.
        wanted: ``[rows, outputs]``, NaN where it is not known.
        bias: whether the map may have one.
    """

    def __init__(self, features: Tensor, wanted: Tensor, *, bias: bool) -> None:
        known = ~wanted.isnan()
        self._count = int(known.sum())
        self._shape = wanted.shape[1], features.shape[1]
        patterns, belongs = known.T.unique(dim=0, return_inverse=True)
        # Outputs that are known in the same rows share a decomposition.
        self._parts = [
            (outputs, _decompose(features[rows], wanted[rows][:, outputs].to(features), bias))
            for number, rows in enumerate(patterns)
            if rows.any()
            for outputs in [(belongs == number).nonzero().squeeze(1)]
        ]

    def fit(self, penalty: float) -> RawLinear:
        """The best map; with no penalty, of all best ones the smallest."""
        weight = torch.zeros(self._shape, dtype=torch.float64)
        offset = torch.zeros(self._shape[0], dtype=torch.float64)
        for outputs, part in self._parts:
            found = part.fit(penalty * self._count / 2)
            weight[outputs], offset[outputs] = found.weight, found.bias
        return RawLinear(weight, offset)


@dataclass(frozen=True)
class _Decomposed:
    """Standardised features as ``left · values · right``, and what is wanted of them."""

    mean: Tensor
    scale: Tensor
    centre: Tensor
    values: Tensor
    right: Tensor
    wanted: Tensor  # in the coordinates of the decomposition

    def fit(self, strength: float) -> RawLinear:
        real = self.values > self.values.max() * 1e-12  # else the rows do not differ that way
        shrunk = (self.values / (self.values.square() + strength)).where(real, 0)
        weight = ((self.right.T * shrunk) @ self.wanted).T / self.scale
        return RawLinear(weight, self.centre - weight @ self.mean)


def _decompose(features: Tensor, wanted: Tensor, bias: bool) -> _Decomposed:
    mean, centre = features.mean(0), wanted.mean(0)
    if not bias:  # without one there is nothing that could take up a shift
        mean, centre = torch.zeros_like(mean), torch.zeros_like(centre)
    scale = features.std(0, correction=0).clamp(min=1e-6)
    left, values, right = torch.linalg.svd((features - mean) / scale, full_matrices=False)
    return _Decomposed(mean, scale, centre, values, right, left.T @ (wanted - centre))
