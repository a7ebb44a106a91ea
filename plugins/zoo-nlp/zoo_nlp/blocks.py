"""The ordered pieces of a transformer, and its layers by role.

The layers are the heaviest list of modules of one class, and of an encoder-decoder those of both.
What lies outside goes before, between or
after them by when the model calls it, because the order of definition says nothing: DeBERTa defines
its relative embeddings after the layers that use them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from torch import nn
from transformers.pytorch_utils import Conv1D

from zoo.plugin import Block

_ATTENTION = re.compile(r"attn|attention", re.IGNORECASE)


def blocks_of(model: nn.Module, run: Callable[[], object]) -> tuple[Block, ...]:
    """Blocks that cover every parameter of ``model`` once, in the order of the computation.

    Args:
        model: to be divided.
        run: calls it once.
    """
    layers = _layers(model)
    names = ["embeddings", *layers, "final"]
    places = _places(model, layers, run)
    members: list[set[str]] = [set() for _ in names]
    for parameter, _ in model.named_parameters():
        members[places[parameter.rpartition(".")[0]]].add(parameter)
    return tuple(
        Block(name, tuple(_cover(model, "", inside)))
        for name, inside in zip(names, members, strict=True)
        if inside
    )


def lora_targets(model: nn.Module) -> Mapping[str, tuple[str, ...]]:
    """The linear modules of the layers by role: ``attention`` (all its projections) and ``mlp``."""
    paths = {layer.rpartition(".")[0] for layer in _layers(model)}
    roles: dict[str, list[str]] = {"attention": [], "mlp": []}
    for name, module in model.named_modules():
        inside = [name.removeprefix(f"{path}.") for path in paths if name.startswith(f"{path}.")]
        if inside and isinstance(module, (nn.Linear, Conv1D)):
            roles["attention" if _ATTENTION.search(inside[0]) else "mlp"].append(name)
    return {role: tuple(names) for role, names in roles.items() if names}


def _layers(model: nn.Module) -> dict[str, nn.Module]:
    """The layers by name, in their order; those of an encoder before those of its decoder."""
    path = _heaviest(model)
    sides = [path.replace("decoder", "encoder"), path.replace("encoder", "decoder")]
    known = dict(model.named_modules())
    stacks = [side for side in dict.fromkeys(sides) if isinstance(known.get(side), nn.ModuleList)]
    return {
        f"{stack}.{i}": layer for stack in stacks for i, layer in enumerate(known[stack].children())
    }


def _heaviest(model: nn.Module) -> str:
    """The heaviest list of modules of one class; empty where there is none."""
    heaviest, found = 0, ""
    for name, module in model.named_modules():
        if not isinstance(module, nn.ModuleList) or len({type(m) for m in module}) != 1:
            continue
        weight = sum(p.numel() for p in module.parameters())
        if weight > heaviest:
            heaviest, found = weight, name
    return found


def _places(
    model: nn.Module, layers: Mapping[str, nn.Module], run: Callable[[], object]
) -> dict[str, int]:
    """The block of every module: 0 before the layers, then one a layer, then what comes after."""
    places: dict[str, int] = {}
    now = 0

    def enter(place: int, *_: object) -> None:
        nonlocal now
        now = place

    def note(name: str, *_: object) -> None:
        places.setdefault(name, now)

    hooks = []
    for i, layer in enumerate(layers.values()):
        hooks.append(layer.register_forward_pre_hook(partial(enter, i + 1)))
    if layers:
        last = list(layers.values())[-1]
        hooks.append(last.register_forward_hook(partial(enter, len(layers) + 1)))
    numbers = {name: i + 1 for i, name in enumerate(layers)}
    for name, module in model.named_modules():
        owner = next((layer for layer in numbers if f"{name}.".startswith(f"{layer}.")), None)
        if owner is not None:
            places[name] = numbers[owner]
        else:
            hooks.append(module.register_forward_pre_hook(partial(note, name)))
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return {name: _place(name, places) for name, _ in model.named_modules()}


def _place(name: str, places: dict[str, int]) -> int:
    """Of a module; one that is never called is read by what it is in, or by who knows whom."""
    while name and name not in places:
        name = name.rpartition(".")[0]
    return places[name] if name else 0


def _cover(module: nn.Module, name: str, members: set[str]) -> list[str]:
    """The fewest modules and bare parameters that hold ``members`` and nothing else."""
    prefix = f"{name}." if name else ""
    if name and all(prefix + key in members for key, _ in module.named_parameters()):
        return [name]
    found = [prefix + key for key, _ in module.named_parameters(recurse=False)]
    found = [key for key in found if key in members]
    for child, inner in module.named_children():
        if any(key.startswith(f"{prefix}{child}.") for key in members):
            found += _cover(inner, prefix + child, members)
    return found
