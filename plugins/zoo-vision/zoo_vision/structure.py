"""What a timm model is made of: blocks, places for low-rank adapters, its classifier.

Everything is read off the model or seen in a forward pass, so that it holds for any architecture.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from timm.models import group_parameters
from torch import Tensor, nn

from zoo.plugin import Block, NativeHead

# Modules of other types may pad, transpose or normalise in their forward, which an adapter beside
# them would not; depthwise and grouped convolutions are refused by PEFT.
_ADAPTABLE = (nn.Linear, nn.Conv2d)


def find_blocks(model: nn.Module) -> list[Block]:
    """Ordered blocks that cover every parameter of ``model`` exactly once, named by modules."""
    group_of = _groups(model)
    groups_in: dict[str, set[int]] = {}
    for name, group in group_of.items():
        for enclosing in (name, *_ancestors(name)):
            groups_in.setdefault(enclosing, set()).add(group)
    sizes: dict[int, dict[str, int]] = {group: {} for group in sorted(set(group_of.values()))}
    for name, parameter in model.named_parameters():
        # The outermost module that lies wholly in the parameter's group.
        owner = [n for n in (name, *_ancestors(name)) if len(groups_in[n]) == 1][-1]
        of_group = sizes[group_of[name]]
        of_group[owner] = of_group.get(owner, 0) + parameter.numel()
    return [Block(max(owners, key=lambda n: owners[n]), tuple(owners)) for owners in sizes.values()]


def _groups(model: Any) -> dict[str, int]:
    """The ordinal of the block that each parameter belongs to.

    timm's own coarse grouping, made for layer-wise learning rates, is in order of computation. A
    few architectures have none; their parts are taken in order of definition, bare parameters
    (positions, class token) with the first.
    """
    try:
        matcher = model.group_matcher(coarse=True)
    except (AssertionError, AttributeError):
        parts: dict[str, int] = {}
        names = [name for name, _ in model.named_parameters()]
        first = next(name for name in names if "." in name)
        return {
            name: parts.setdefault(_part(model, name if "." in name else first), len(parts))
            for name in names
        }
    groups: dict[int, list[str]] = group_parameters(model, matcher)
    return {name: group for group, names in groups.items() for name in names}


def _part(model: nn.Module, parameter: str) -> str:
    """The child of ``model`` that holds a parameter, or the member where the child is a list."""
    child, _, rest = parameter.partition(".")
    if isinstance(getattr(model, child), (nn.ModuleList, nn.Sequential)):
        return f"{child}.{rest.partition('.')[0]}"
    return child


def find_lora_targets(model: nn.Module, called: set[str]) -> dict[str, list[str]]:
    """Names of layers that a low-rank adapter can sit on, by role.

    Args:
        model: without a classifier.
        called: names of modules whose ``forward`` runs. Some attentions use the weight of a layer
            and never call it; an adapter there would train and change nothing.
    """
    roles: dict[str, list[str]] = {"attention": [], "mlp": [], "conv": []}
    modules = dict(model.named_modules())
    for name, module in modules.items():
        if name not in called or type(module) not in _ADAPTABLE:
            continue
        role = _role(name, module, modules)
        if role:
            roles[role].append(name)
    return {role: names for role, names in roles.items() if names}


def _role(name: str, module: nn.Module, modules: dict[str, nn.Module]) -> str | None:
    if isinstance(module, nn.Conv2d):
        return "conv" if module.groups == 1 else None
    for ancestor in _ancestors(name):
        called = f"{ancestor.rpartition('.')[2]} {type(modules[ancestor]).__name__}".lower()
        if "attention" in called or "attn" in called:
            return "attention"
        if "mlp" in called or "swiglu" in called or "feedforward" in called:
            return "mlp"
    return "mlp" if name.endswith((".fc1", ".fc2")) else None


def _ancestors(name: str) -> Iterator[str]:
    """Enclosing modules, innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


@dataclass(frozen=True)
class Observed:
    """What one image showed of a model.

    Attributes:
        pooled: shape of the features before the classifier.
        called: names of the modules that were called for them.
        native_head: the classifier, where it is one linear layer straight on them.
    """

    pooled: tuple[int, ...]
    called: set[str]
    native_head: NativeHead | None


def observe(model: Any, inputs: Tensor) -> Observed:
    """Run ``inputs``, ``[1, channels, height, width]``, through a model; its classifier is lost.

    Whether the classifier is what it looks like is proved with a new one of two classes.
    """
    with torch.random.fork_rng(devices=[]):
        model.reset_classifier(2)
    model.eval()
    with torch.no_grad():
        pooled, called = _watch(model, inputs)
        native = _native_head(model, pooled, model(inputs))
    return Observed(tuple(pooled.shape), called, native)


def pool(model: Any, features: Any) -> Tensor:
    """``[batch, feature_size]`` of what ``forward_features`` gave, as before timm's classifier."""
    pooled: Tensor = model.forward_head(features, pre_logits=True)
    return pooled


def _watch(model: Any, inputs: Tensor) -> tuple[Tensor, set[str]]:
    called: set[str] = set()
    handles = [
        module.register_forward_hook(lambda *_, name=name: called.add(name))
        for name, module in model.named_modules()
    ]
    pooled = pool(model, model.forward_features(inputs))
    for handle in handles:
        handle.remove()
    return pooled, called


def _native_head(model: Any, pooled: Tensor, logits: Tensor) -> NativeHead | None:
    classifier = model.get_classifier()
    names = [name for name, module in model.named_modules() if module is classifier]
    if not isinstance(classifier, nn.Linear) or not names or pooled.ndim != 2:
        return None
    if not torch.equal(classifier(pooled), logits):
        return None
    return NativeHead(names[0], bias=classifier.bias is not None)
