"""What the catalogue means by ``verified: architecture``, checked on one backbone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

import zoo
from zoo.model import Backbone


def require_architecture(backbone: Backbone, samples: list[Any], feature_size: int) -> None:
    """Run ``backbone``; its features, blocks and places for adapters are what they should be."""
    batch = backbone.preprocess.collate([backbone.preprocess(sample) for sample in samples])
    called: list[str] = []
    hooks = [
        module.register_forward_pre_hook(lambda *_, name=name: called.append(name))
        for name, module in backbone.module.named_modules()
    ]
    with torch.no_grad():
        pooled = backbone(batch).pooled
    for hook in hooks:
        hook.remove()
    assert pooled.shape == (len(samples), feature_size) == (len(samples), backbone.feature_size)
    assert torch.isfinite(pooled).all()
    require_blocks(backbone)
    firsts = [_first(called, block.modules) for block in backbone.blocks]
    assert firsts == sorted(firsts), "blocks are not in the order of the computation"
    require_step(backbone, batch)


def require_blocks(backbone: Backbone, *, least: int = 2) -> None:
    """Blocks cover every parameter once."""
    names = [name for name, _ in backbone.module.named_parameters()]
    covered = [
        name
        for block in backbone.blocks
        for root in block.modules
        for name in names
        if name == root or name.startswith(f"{root}.")
    ]
    assert sorted(covered) == sorted(names)
    assert len({block.name for block in backbone.blocks}) == len(backbone.blocks) >= least


def require_step(backbone: Backbone, batch: dict[str, torch.Tensor]) -> None:
    """LoRA in every role sits on the backbone, and one step changes it and nothing else."""
    enliven(backbone.module, lambda: backbone(batch))
    every = {"rank": 1, "roles": sorted(backbone.lora_targets), "last_blocks": len(backbone.blocks)}
    task = zoo.task("classification", labels=["a", "b"])
    model = zoo.compose(backbone, zoo.adapter("lora", every), task)
    layers = sum(map(len, backbone.lora_targets.values()))
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    assert sum(".lora_B." in name for name in before) == layers > 0
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.5)
    targets = torch.arange(len(next(iter(batch.values())))) % 2
    loss = nn.functional.cross_entropy(model(batch)["classification"], targets)
    loss.backward()
    optimizer.step()
    after = dict(model.named_parameters())
    assert all(torch.isfinite(after[name]).all() for name in before)
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    still = [name for name in before if ".lora_B." in name and name not in moved]
    assert still == []
    assert not [name for name, p in after.items() if p.grad is not None and name not in before]


def enliven(module: nn.Module, run: Callable[[], object]) -> None:
    """Give the random weights of ``module``, which ``run`` calls, the scales of trained ones.

    Many start their branches with a gain of zero, behind which nothing can learn at first; and in
    the deepest the signal dies out or explodes unless batch norm knows its size.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.normal_(std=0.1)
        for norm in norms:
            norm.train().momentum = 1.0
        if norms:
            run()
    module.eval()


def _first(called: list[str], modules: tuple[str, ...]) -> int:
    """When a block's first module, or the module whose bare parameter it holds, was called."""
    calls = [
        i
        for i, name in enumerate(called)
        for root in modules
        if name == root or name.startswith(f"{root}.") or root.startswith(f"{name}.")
    ]
    # T5's shared embedding is called by another of its names.
    return min(calls) if calls else -1
