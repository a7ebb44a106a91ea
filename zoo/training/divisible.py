"""What of a model can be held in parts: modules that are called, with the parameters that are theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from zoo.model import Backbone, Batch, ComposedModel

Place = tuple[nn.Module, str]


@dataclass(frozen=True)
class Divisible:
    """A module that computes, with those of its parameters that are held in parts.

    Attributes:
        module: is called, and uses no other's parameters.
        around: the modules that it is within, and itself.
        places: of each parameter, wherever it is registered.
    """

    module: nn.Module
    around: Collection[nn.Module]
    places: Mapping[nn.Parameter, Sequence[Place]]


def divisible(model: ComposedModel, batch: Batch) -> Iterator[Divisible]:
    """The outermost modules within blocks that are called, with the parameters of nobody else.

    Args:
        model: in evaluation mode.
        batch: on its device; shows what is called.
    """
    called = _called(model, batch)
    backbone = model.backbone
    places = _places(model)
    uses = _uses(model)
    for module in _roots(backbone, called):
        inside = _uses(module)
        own = {
            parameter: where
            for parameter, where in places.items()
            if parameter.ndim and all(inside[owner] == uses[owner] for owner, _ in where)
        }
        if own:
            yield Divisible(module, _around(backbone, module), own)


@torch.no_grad()
def _called(model: ComposedModel, batch: Batch) -> set[nn.Module]:
    """All modules of the backbone that are called for a batch; of others, nobody can be told."""
    seen: set[nn.Module] = set()
    handles = [
        module.register_forward_pre_hook(lambda module, _: seen.add(module))
        for module in model.backbone.module.modules()
    ]
    try:
        model(batch)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def _places(model: nn.Module) -> dict[nn.Parameter, list[Place]]:
    found: dict[nn.Parameter, list[Place]] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False):
            found.setdefault(parameter, []).append((module, name))
    return found


def _uses(module: nn.Module) -> Counter[nn.Module]:
    """How often each module is registered; what several layers share is so more than once."""
    return Counter(each for _, each in module.named_modules(remove_duplicate=False))


def _roots(backbone: Backbone, called: Collection[nn.Module]) -> Iterator[nn.Module]:
    named = dict(backbone.module.named_modules())
    for block in backbone.blocks:
        for name in block.modules:
            if name in named:  # not where it is a bare parameter
                yield from _outermost(named[name], called)


def _outermost(module: nn.Module, called: Collection[nn.Module]) -> Iterator[nn.Module]:
    if module in called:
        yield module
        return
    for child in module.children():
        yield from _outermost(child, called)


def _around(backbone: Backbone, module: nn.Module) -> list[nn.Module]:
    return [each for each in backbone.modules() if any(module is one for one in each.modules())]
