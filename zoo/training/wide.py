"""Attention in training with bfloat16 on a CPU, computed in float32 where that is faster.

torch's backward pass of attention in bfloat16 takes four times as long there as in float32, and more
than all the rest of a step gains.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


def wide_attention(device: str, precision: str) -> contextlib.AbstractContextManager[Any]:
    """Inside, forward and backward pass both, attention that is trained through is in float32."""
    return _Wide() if (device, precision) == ("cpu", "bf16") else contextlib.nullcontext()


class _Wide(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func is not functional.scaled_dot_product_attention or not _trained(args, named):
            return func(*args, **named)
        with torch.autocast("cpu", enabled=False):
            found = func(*map(_wide, args), **{key: _wide(value) for key, value in named.items()})
        return found.bfloat16()


def _trained(args: tuple[Any, ...], named: Mapping[str, Any]) -> bool:
    tensors = [each for each in (*args, *named.values()) if isinstance(each, Tensor)]
    return torch.is_grad_enabled() and any(each.requires_grad for each in tensors)


def _wide(value: Any) -> Any:
    narrow = isinstance(value, Tensor) and value.dtype == torch.bfloat16
    return value.float() if narrow else value
