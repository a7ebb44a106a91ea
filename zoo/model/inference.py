"""A frozen computation at its fastest on this device, at the precision that the user allows."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.model.products import quick_products

Batch = Mapping[str, Tensor]
Call = Callable[[Batch], Tensor]

# Tracing takes seconds; so many rows pay it back. Counted in rows, not measured: a fit gives the
# same numbers however busy the machine is.
PAYS_FROM = 256
_CLOSE = 1e-4  # of the largest value: folding multiplies the same numbers in another order
_CLOSE_BF16 = 2e-2  # it has eight bits


@contextlib.contextmanager
def computing(device: str, *, bf16: bool = False) -> Iterator[None]:
    """No gradients, and bfloat16 where that is allowed."""
    lower = torch.autocast(device, torch.bfloat16, enabled=bf16)
    with torch.inference_mode(), lower, quick_products():
        yield


def fastest(call: Call, module: nn.Module, example: Batch, *, rows: int, bf16: bool) -> Call:
    """``call``, or something that gives the same sooner.

    On a CPU networks with batch norms become a frozen trace: norms are folded into convolutions,
    activations fused with them, weights laid out once. It is used only where it answers as
    ``call`` does on other rows than those it was traced with.

    Args:
        call: frozen and in evaluation mode; batches of one shape but for the number of rows.
        module: what it computes with.
        example: at least three rows.
        rows: how many are to be computed in all.
        bf16: whether the user allows bfloat16.
    """
    device = next(module.parameters()).device.type
    normed = any(isinstance(layer, nn.BatchNorm2d) for layer in module.modules())
    if device != "cpu" or not normed or rows < PAYS_FROM:
        return call
    few = {key: value[:2] for key, value in example.items()}
    others = {key: value[1:3] for key, value in example.items()}
    try:
        traced = _traced(call, module, few, bf16=bf16)
        with computing(device, bf16=bf16):
            plain, quick = call(others).float(), traced(others).float()
    except Exception:  # whatever a network does that a trace cannot follow
        return call
    if not close(plain, quick, _CLOSE_BF16 if bf16 else _CLOSE):
        return call
    shapes = _shapes(example)
    return lambda batch: traced(batch) if _shapes(batch) == shapes else call(batch)


def _shapes(batch: Batch) -> list[torch.Size]:
    return [value.shape[1:] for value in batch.values()]


def close(one: Tensor, other: Tensor, share: float) -> bool:
    """Whether no value differs by more than a share of the largest; what is no number equals its like."""
    scale = float(one.detach().nan_to_num(0.0, 0.0, 0.0).abs().max())
    return torch.allclose(one, other, rtol=0.0, atol=max(share * scale, 1e-12), equal_nan=True)


class _Tensors(nn.Module):
    """A call on tensors by position, as a trace wants it."""

    def __init__(self, call: Call, module: nn.Module, keys: tuple[str, ...]) -> None:
        super().__init__()
        self.module = module  # a trace freezes the weights of what lies below it
        self._call, self._keys = call, keys

    def forward(self, *tensors: Tensor) -> Tensor:
        return self._call(dict(zip(self._keys, tensors, strict=True)))


def _traced(call: Call, module: nn.Module, example: Batch, *, bf16: bool) -> Call:
    keys = tuple(example)
    inputs = tuple(example.values())
    whole = _Tensors(call, module, keys).eval()
    with (
        warnings.catch_warnings(),
        torch.no_grad(),
        torch.autocast("cpu", torch.bfloat16, enabled=bf16, cache_enabled=False),
    ):
        warnings.simplefilter("ignore")  # deprecations, and shapes that are constant here
        traced = torch.jit.trace(whole, inputs, check_trace=False)
        frozen = (None if bf16 else _blocked(traced)) or torch.jit.freeze(traced)
        for _ in range(2):  # it specialises itself while it is first called
            frozen(*inputs)
    return lambda batch: frozen(*(batch[key] for key in keys))


def _blocked(traced: torch.jit.ScriptModule) -> torch.jit.ScriptModule | None:
    """Frozen in oneDNN's own layout, where all of it can stay in there.

    Each operation that has no form in that layout, as SiLU and concatenation have none, costs two
    copies: with one an EfficientNet is twice as slow as without, a ResNet a seventh faster.
    """
    blocked = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    graph: Any = blocked.graph
    return blocked if len(graph.findAllNodes("aten::to_dense", recurse=True)) <= 1 else None
