"""Rules for what a backbone is made of: its module, its blocks, the places for adapters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.testing.rule import require, rule, some
from zoo.testing.subjects import BackboneSubject


@rule("Its loader returns a backbone: float32, frozen, in evaluation mode, with numbers in it.")
def loads(subject: BackboneSubject) -> None:
    """Everything else comes after this."""
    backbone = subject.backbone
    tensors = dict(backbone.module.state_dict())
    kinds = {str(t.dtype) for t in tensors.values() if t.is_floating_point()} - {"torch.float32"}
    require(not kinds, f"it computes in {', '.join(sorted(kinds))}; call .float()")
    trained = [name for name, p in backbone.named_parameters() if p.requires_grad]
    require(not trained, f"it comes with requires_grad set on {some(trained)}")
    training = [name or "the module" for name, m in backbone.module.named_modules() if m.training]
    require(not training, f"it comes in training mode: {some(training)}; call .eval() last")
    broken = [name for name, t in tensors.items() if not finite(t)]
    require(not broken, f"{some(broken)} holds NaN or infinite values")
    modality = backbone.contract.modality
    require(
        modality == subject.spec.modality,
        f"its contract takes {modality!r}, its spec says {subject.spec.modality!r}",
    )


@rule("Blocks cover every parameter exactly once.", needs=[loads])
def blocks_cover_all_parameters_once(subject: BackboneSubject) -> None:
    """Freezing and layer-wise learning rates go by block."""
    module, blocks = subject.backbone.module, subject.backbone.blocks
    names = {n for n, _ in module.named_modules()} | {n for n, _ in module.named_parameters()}
    unknown = [root for block in blocks for root in block.modules if root not in names]
    require(not unknown, f"there is no {some(unknown)} in the module")
    owners: dict[str, list[str]] = {name: [] for name, _ in module.named_parameters()}
    for block in blocks:
        for name in owners:
            owners[name] += [block.name for root in block.modules if within(name, root)]
    nowhere = [name for name, found in owners.items() if not found]
    require(not nowhere, f"in no block: {some(nowhere)}")
    twice = [f"{name} ({' and '.join(f)})" for name, f in owners.items() if len(f) > 1]
    require(not twice, f"in several: {some(twice)}")
    labels = [block.name for block in blocks]
    require(len(set(labels)) == len(labels), "two blocks have one name")


@rule("Layers named for low-rank adapters are there, and of a kind they can sit on.", needs=[loads])
def lora_targets_exist(subject: BackboneSubject) -> None:
    """Names of linear and convolution modules, each in one role."""
    modules = dict(subject.backbone.module.named_modules())
    seen: set[str] = set()
    for role, names in subject.backbone.lora_targets.items():
        missing = [name for name in names if name not in modules]
        require(not missing, f"{role}: there is no module {some(missing)}")
        odd = [n for n in names if not _has_weight(modules[n])]
        require(not odd, f"{role}: {some(odd)} is neither linear nor a convolution")
        twice = sorted(seen & set(names))
        require(not twice, f"{some(twice)} is in two roles")
        seen |= set(names)


def within(name: str, root: str) -> bool:
    """Whether a module or parameter is ``root`` or inside it."""
    return name == root or name.startswith(f"{root}.")


def _has_weight(module: nn.Module) -> bool:
    weight = getattr(module, "weight", None)
    kinds = (nn.Embedding, nn.modules.batchnorm._NormBase, nn.LayerNorm)
    return isinstance(weight, Tensor) and weight.ndim >= 2 and not isinstance(module, kinds)


def finite(tensor: Tensor) -> bool:
    """Whether a tensor holds no NaN and no infinity."""
    return not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
