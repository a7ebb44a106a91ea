"""Options that were asked for and have no part in a fit: that is said, and nothing is refused."""

from __future__ import annotations

from collections.abc import Set

from zoo.model import ComposedModel
from zoo.training.config import ALONE, FitConfig

_OF_TASKS = ALONE.keys() - {"baselines"}
_OF_IMAGES = frozenset({"augment", "views"})
_OF_STEPS = _OF_IMAGES | {
    "average",
    "balance",
    "batch_size",
    "clip",
    "ema_decay",
    "epochs",
    "gradient_checkpointing",
    "lr",
    "micro_batch",
    "patience",
    "schedule",
    "warmup",
    "weight_decay",
}


def told_of_idle(model: ComposedModel, config: FitConfig) -> list[str]:
    """A line for each reason for which options have no effect on a fit of ``model``."""
    adapter, backbone = model.adapter, model.backbone
    usual = FitConfig.resolve({**adapter.spec.training, **adapter.training(backbone)}, {})
    asked = {n for n in FitConfig.model_fields if getattr(config, n) != getattr(usual, n)}
    name = adapter.spec.name
    reasons: dict[str, Set[str]] = {}
    if not adapter.trains_backbone:
        reasons[f"{name} fits the head of each task by itself"] = asked & _OF_TASKS
        reasons[f"{name} solves for its head and takes no steps"] = asked & _OF_STEPS
    elif backbone.contract.modality != "image":
        reasons["only images are changed in training"] = asked & _OF_IMAGES
    return [
        f"{', '.join(sorted(idle))}: without effect, for {reason}."
        for reason, idle in reasons.items()
        if idle
    ]
