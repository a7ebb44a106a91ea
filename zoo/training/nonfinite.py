"""Where numbers that are none began: in the weights, in a layer, in the loss or in a gradient."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import TrainingFailed
from zoo.model import ComposedModel

ADVICE = "Try a smaller learning rate, e.g. `--lr 1e-4`; or `--precision no`."


def failed(
    model: ComposedModel, batch: Mapping[str, Tensor], what: str, place: str
) -> TrainingFailed:
    """What to raise when the loss of ``batch`` is no number.

    Args:
        model: as it was when it computed ``batch``.
        batch: collated, where the model is.
        what: what became what, e.g. ``The loss became nan``.
        place: epoch and batch, in words.
    """
    return _failure(f"{what} in {place}, {_origin(model, batch)}")


def gradient_failed(trained: Mapping[str, Tensor], norm: float, place: str) -> TrainingFailed:
    """What to raise when the norm of the gradient is no number; the weights are still good."""
    # Backward runs from the last layer to the first, so the last that is spoilt was the first.
    spoilt = [
        name
        for name, parameter in trained.items()
        if parameter.grad is not None and not parameter.grad.isfinite().all()
    ]
    at = f"first in that of {spoilt[-1]}" if spoilt else "in its sum"
    return _failure(f"The gradient became {norm} in {place}, {at}")


def _failure(what: str) -> TrainingFailed:
    return TrainingFailed(f"{what}.", hint=ADVICE)


def _origin(model: ComposedModel, batch: Mapping[str, Tensor]) -> str:
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.isnan().any():  # a mask among the buffers may well be infinite
            return f"because the weights {name} are no numbers"
    if not all(map(_is_sound, batch.values())):
        return "because the input has values that are no numbers"
    with _watched(model) as spoilt, torch.no_grad():
        model(batch)
    return f"first in the output of {spoilt[0]}" if spoilt else "in the loss of sound outputs"


@contextlib.contextmanager
def _watched(model: nn.Module) -> Iterator[list[str]]:
    """Names of modules, in the order in which their outputs turn out to be spoilt."""
    spoilt: list[str] = []

    def watch(name: str, module: nn.Module) -> Any:
        def look(module: nn.Module, inputs: Any, output: Any) -> None:
            if not all(map(_is_sound, _tensors(output))):
                spoilt.append(f"{name} ({type(module).__name__})")

        return module.register_forward_hook(look)

    handles = [watch(name, module) for name, module in model.named_modules() if name]
    try:
        yield spoilt
    finally:
        for handle in handles:
            handle.remove()


def _tensors(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for each in output.values():
            yield from _tensors(each)
    elif isinstance(output, (list, tuple)):
        for each in output:
            yield from _tensors(each)


def _is_sound(tensor: Tensor) -> bool:
    return not tensor.is_floating_point() or bool(tensor.isfinite().all())
