"""DANN and CDAN: a discriminator tells the domains apart, and the features learn to fool it.

DANN: Ganin et al. 2016, arXiv:1505.07818. The discriminator reads the features through a gradient
reversal layer whose strength is ``2 / (1 + exp(-10 p)) - 1`` at progress ``p``; three layers of 1024.

CDAN: Long et al. 2018, arXiv:1705.10667. It reads the outer product of features and class
probabilities, by random projections of it where that is larger than 4096 (section 3.2); with entropy
conditioning (CDAN+E) a row weighs ``1 + exp(-H)`` of its prediction (equation 8).

The discriminator drops half of its units, as in the authors' code of both. Features come
standardised over the batch of both domains: the papers align a layer that was trained from scratch,
zoo features of whatever scale a backbone gives.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import Alignment, AlignStep

_LARGEST = 4096  # of the outer product; random projections stand for a larger one


class Dann(Alignment):
    """Features alone."""

    def begin(self, size: int, outputs: int) -> nn.Module:
        """The discriminator."""
        rest = discriminator(size, self.settings["hidden"], self.settings["dropout"])
        self._network = nn.Sequential(standardised(size), rest)
        return self._network

    def loss(self, step: AlignStep) -> Tensor:
        """The discriminator's loss, its gradient reversed on its way to the features."""
        strength = self.settings["weight"] * schedule(step.progress)
        rows = torch.cat([step.source_features, step.target_features])
        logits = self._network(reverse(rows, strength)).squeeze(1)
        return domain_loss(logits, len(step.source_features))


class Cdan(Alignment):
    """Features and predictions together."""

    needs_classes: ClassVar[bool] = True

    def begin(self, size: int, outputs: int) -> nn.Module:
        """The discriminator, behind random projections where it would have to be too large."""
        self._map = Multilinear(size, outputs, self.settings["projection"])
        self._norm = standardised(size)
        self._network = discriminator(
            self._map.size, self.settings["hidden"], self.settings["dropout"]
        )
        return nn.ModuleList([self._norm, self._map, self._network])

    def loss(self, step: AlignStep) -> Tensor:
        """As for DANN; predictions condition the discriminator and get no gradient from it."""
        strength = self.settings["weight"] * schedule(step.progress)
        features = torch.cat([step.source_features, step.target_features])
        logits = torch.cat([step.source_logits, step.target_logits])
        shares = logits.softmax(dim=1).detach()
        known = len(step.source_features)
        mapped = self._map(self._norm(reverse(features, strength)), shares)
        weights = certainty(shares, known) if self.settings["entropy"] else None
        return domain_loss(self._network(mapped).squeeze(1), known, weights)


class Multilinear(nn.Module):
    """The outer product of features and probabilities, or its random projection.

    ``(R_f f) * (R_g g) / sqrt(d)`` with fixed Gaussian matrices has the same inner products in the
    mean.
    """

    of_features: Tensor
    of_shares: Tensor

    def __init__(self, size: int, outputs: int, projection: int = 1024) -> None:
        super().__init__()
        self.random = size * outputs > _LARGEST
        self.size = projection if self.random else size * outputs
        if self.random:
            self.register_buffer("of_features", torch.randn(size, self.size))
            self.register_buffer("of_shares", torch.randn(outputs, self.size))

    def forward(self, features: Tensor, shares: Tensor) -> Tensor:
        """``[rows, size]``."""
        if not self.random:
            return (features[:, :, None] * shares[:, None, :]).flatten(1)
        projected: Tensor = (features @ self.of_features) * (shares @ self.of_shares)
        return projected / math.sqrt(self.size)


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return rows.view_as(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradients[0], None


def reverse(rows: Tensor, strength: float) -> Tensor:
    """The same rows; their gradient is multiplied by ``-strength``."""
    reversed_rows: Tensor = _Reverse.apply(rows, strength)  # type: ignore[no-untyped-call]
    return reversed_rows


def schedule(progress: float) -> float:
    """From 0 to nearly 1 (Ganin et al. 2016, section 5.2.2)."""
    return 2 / (1 + math.exp(-10 * progress)) - 1


def standardised(size: int) -> nn.Module:
    """Takes features to mean 0 and variance 1 over the batch, and learns nothing."""
    return nn.BatchNorm1d(size, affine=False)


def discriminator(size: int, hidden: int, dropout: float) -> nn.Sequential:
    """One logit a row: the source's is 1."""
    return nn.Sequential(
        nn.Linear(size, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, 1),
    )


def domain_loss(logits: Tensor, sources: int, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy of telling the first ``sources`` rows from the others, each domain worth half."""
    wanted = torch.zeros_like(logits)
    wanted[:sources] = 1
    each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    if weights is not None:
        each = each * weights
    return (each[:sources].mean() + each[sources:].mean()) / 2


def certainty(shares: Tensor, sources: int) -> Tensor:
    """``1 + exp(-H)`` of each row, with mean 1 in each domain."""
    weights = 1 + torch.exp(-torch.special.entr(shares).sum(dim=1))
    first, rest = weights[:sources], weights[sources:]
    return torch.cat([first / first.mean(), rest / rest.mean()])
