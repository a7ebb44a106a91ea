"""Linear layers in float32 on a CPU, computed by oneDNN where that is faster.

torch leaves these products to MKL, which uses AVX-512 on processors of its own maker alone; oneDNN,
which torch has for convolutions and bfloat16, uses it on all. Both add up in float32.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

_FROM = 2**22  # multiplications: below, calling it takes longer than what it saves
_OUTPUTS = 8  # below, as in heads, MKL is the faster one

_Operands = tuple[Tensor, Tensor, Tensor | None]


def quick_products() -> contextlib.AbstractContextManager[Any]:
    """Inside, forward and backward pass both, large linear layers are computed by oneDNN."""
    return _ByOneDNN() if _is_faster() else contextlib.nullcontext()


@functools.cache
def _is_faster() -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and torch.backends.mkl.is_available()
        and torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    )


class _ByOneDNN(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        operands = None if kwargs else _operands(func, args)
        if operands is None or not _is_for_it(*operands):
            return func(*args, **(kwargs or {}))
        return _product(*operands)


def _operands(func: Callable[..., Any], args: tuple[Any, ...]) -> _Operands | None:
    """Rows, weight and bias of a linear layer; ``None`` of anything else."""
    if func is linear:
        rows, weight, *bias = args
        return rows, weight, bias[0] if bias else None
    if func is torch.addmm and len(args) == 3:  # as GPT-2 writes it
        bias, rows, weight = args
        return rows, weight.t(), bias
    return None


def _is_for_it(rows: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    tensors = (rows, weight) if bias is None else (rows, weight, bias)
    return (
        rows.dim() > 1
        and len(weight) >= _OUTPUTS
        and rows.numel() * len(weight) >= _FROM
        and weight.shape[1:] == rows.shape[-1:]
        and (bias is None or bias.shape == weight.shape[:1])
        and all(type(each) in (Tensor, nn.Parameter) for each in tensors)
        and all(each.is_cpu and each.dtype == torch.float32 for each in tensors)
        and not torch.is_autocast_enabled("cpu")
    )


def _product(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``rows @ weight.T + bias``, no view of anything: who gets it may write into it."""
    flat = rows.flatten(0, -2)
    if torch.is_grad_enabled():
        found = _Product.apply(flat, weight, bias)  # type: ignore[no-untyped-call]
    else:
        found = _computed(flat, weight, bias)
    whole: Tensor = torch.ops.aten._unsafe_view(found, [*rows.shape[:-1], len(weight)])
    return whole


def _computed(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    added = None if bias is None else bias.contiguous()  # it looks at no strides of a bias
    found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, added, "none", [], "")
    return found


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        of_rows, of_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(rows if of_weight else None, weight if of_rows else None)
        return _computed(rows, weight, bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        of_rows, of_weight, of_bias = ctx.needs_input_grad
        (gradient,) = gradients
        return (
            _product(gradient, weight.t()) if of_rows else None,
            _product(gradient.t(), rows.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )
