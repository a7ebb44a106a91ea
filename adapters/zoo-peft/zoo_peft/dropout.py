"""Dropout in half the time on a CPU, where torch draws a whole random number for each value.

Sixteen bits decide on a value, so that a rate of 0.1 is 0.10001.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_BITS = 16
_LEAST = -(2 ** (_BITS - 1))  # of the numbers with so many bits


class Dropout(nn.Dropout):
    """As torch's, from torch's own generator, but other draws of it."""

    def forward(self, x: Tensor) -> Tensor:
        """Values set to zero at random, the others scaled up to the same mean."""
        if not self.training or not 0 < self.p < 1 or x.device.type != "cpu":
            plain: Tensor = super().forward(x)
            return plain
        draws = torch.empty(-(-x.numel() * _BITS // 64), dtype=torch.int64).random_(-(2**63), None)
        bits = draws.view(torch.int16)[: x.numel()].view(x.shape)
        kept = bits >= _LEAST + round(self.p * 2**_BITS)
        scaled: Tensor = _Kept.apply(x, kept, 1 / (1 - self.p))  # type: ignore[no-untyped-call]
        return scaled


class _Kept(torch.autograd.Function):
    """Some values, scaled; a byte a value is remembered of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(kept)
        ctx.scale = scale
        return (x * kept).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (kept,) = ctx.saved_tensors
        return _Kept.apply(gradients[0], kept, ctx.scale), None, None  # type: ignore[no-untyped-call]


def quicken(layer: nn.Module) -> None:
    """Let the dropouts that a method of PEFT put beside a layer be quick ones."""
    for name, child in layer.named_children():
        if type(child) is nn.Dropout:
            setattr(layer, name, Dropout(child.p).train(child.training))
        elif name != "base_layer":
            quicken(child)
