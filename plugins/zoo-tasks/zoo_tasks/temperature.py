"""The temperature at which logits are as sure as they are right."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_HIGHEST = 20.0
_HALVINGS = 30


def least_loss(logits: Tensor, loss: Callable[[Tensor], Tensor]) -> float:
    """Where from 1 to 20 a loss of divided logits is least, if it is convex in them.

    Not below 1: few rows whose answers are all right would ask for boundless certainty.
    """
    wide = logits.detach().double()
    if not bool(wide.isfinite().all()) or _slope(wide, loss, 1.0) <= 0:
        return 1.0
    low, high = 1 / _HIGHEST, 1.0  # of factors, in which the loss is convex
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _slope(wide, loss, middle) > 0:
            high = middle
        else:
            low = middle
    return 1 / high


def _slope(logits: Tensor, loss: Callable[[Tensor], Tensor], at: float) -> float:
    """Of the loss, by the factor on the logits."""
    factor = torch.tensor(at, dtype=logits.dtype, device=logits.device, requires_grad=True)
    with torch.enable_grad():
        (found,) = torch.autograd.grad(loss(logits * factor), factor)
    return float(found)
