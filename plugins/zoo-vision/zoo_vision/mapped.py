"""Weights of timm models mapped from their file instead of copied over random ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from zoo.plugin import FileState, Skeleton

_COUNTER = ".num_batches_tracked"  # files may leave it out; evaluation has no use for it


def mapped(
    create: Callable[[], nn.Module], file: Path, files: FileState, name: str
) -> nn.Module | None:
    """What ``create`` makes with the tensors of ``file`` in it, unread until they are used.

    ``None`` where the file has to be translated, or the model computes tensors of its own that no
    file holds; timm's own loading is for these.

    Args:
        create: calls timm, which is left out where it made the same before.
        file: with the tensors.
        files: all that the model is made of.
        name: what of timm's it is.
    """
    state = load_file(file)
    known: Skeleton[nn.Module] | None = files.known(("timm", name))
    if known is not None:
        return known.filled(state)
    with torch.device("meta"):
        model = create()
    held = model.state_dict()
    missing = held.keys() - state.keys()
    if state.keys() - held.keys() or not all(name.endswith(_COUNTER) for name in missing):
        return None
    if not all(_alike(held[name], tensor) for name, tensor in state.items()):
        return None
    state |= {name: torch.zeros((), dtype=held[name].dtype) for name in missing}
    model.load_state_dict(state, assign=True)
    if _unmade(model):
        return None
    if skeleton := Skeleton.of(model.eval(), state):
        files.keep(("timm", name), skeleton)
    return model


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype


def _unmade(model: nn.Module) -> bool:
    """Whether anything has no values yet: buffers that are not saved, tensors in plain attributes."""
    return any(
        _is_meta(value)
        for module in model.modules()
        for value in (*module._parameters.values(), *module._buffers.values(), *_plain(module))
    )


def _plain(module: nn.Module) -> list[object]:
    found: list[object] = []
    for value in vars(module).values():
        if isinstance(value, Mapping):
            found += value.values()
        elif isinstance(value, (list, tuple)):
            found += value
        else:
            found.append(value)
    return found


def _is_meta(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_meta
