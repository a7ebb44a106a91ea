"""DAN: maximum mean discrepancy with many kernels, of features and logits (Long et al. 2015).

arXiv:1502.02791. The kernel is a mixture of Gaussians whose bandwidths are powers of two around the
median squared distance, from 2^-8 to 2^8 in steps of a factor of two as in section 4.1; their weights
are equal, where the paper finds them by a quadratic program. The estimate is the unbiased one over all
pairs rather than the paper's linear-time one: batches are small.
"""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.plugin import Alignment, AlignStep

_POWERS = tuple(range(-8, 9))


class Dan(Alignment):
    """The sum over both layers; the weight is constant."""

    def loss(self, step: AlignStep) -> Tensor:
        """The weighted discrepancy."""
        weight: float = self.settings["weight"]
        parts = [
            mmd(step.source_features, step.target_features),
            mmd(step.source_logits.softmax(dim=1), step.target_logits.softmax(dim=1)),
        ]
        return weight * torch.stack(parts).sum()


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Squared, unbiased, of ``[rows, size]`` each, at least two rows; may be a little below zero."""
    both = torch.cat([source, target])
    distances = torch.cdist(both, both).square()
    kernel = mixture(distances)
    n, m = len(source), len(target)
    within_source = _off_diagonal(kernel[:n, :n]) / (n * (n - 1))
    within_target = _off_diagonal(kernel[n:, n:]) / (m * (m - 1))
    return within_source + within_target - 2 * kernel[:n, n:].mean()


def mixture(distances: Tensor) -> Tensor:
    """The mean of Gaussian kernels, of squared distances; bandwidths are no part of the gradient."""
    off = distances.detach()
    upper = off[tuple(torch.triu_indices(len(off), len(off), offset=1))]
    median = upper.median().clamp_min(1e-12)
    kernels = [torch.exp(-distances / (median * 2.0**power)) for power in _POWERS]
    return torch.stack(kernels).mean(dim=0)


def _off_diagonal(kernel: Tensor) -> Tensor:
    return kernel.sum() - kernel.diagonal().sum()
