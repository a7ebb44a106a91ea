"""The optimizer: its groups as the adapter wants them, and its state in and out of checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.model import ComposedModel, ParameterGroup
from zoo.training.config import FitConfig
from zoo.training.sharding import Sharding

_WEIGHTS_RATE = 0.025  # of what weighs the losses of tasks: Chen et al. 2018, arXiv:1711.02257


def make_optimizer(model: ComposedModel, config: FitConfig) -> torch.optim.Optimizer:
    """AdamW over what ``model`` trains, in one fused kernel where there is one."""
    found = groups(model, config)
    return torch.optim.AdamW(found, lr=config.lr, fused=_fusible(found))


def groups(model: ComposedModel, config: FitConfig) -> list[dict[str, Any]]:
    """The optimizer's groups: what the adapter sets apart, and first all the rest."""
    apart = model.adapter.groups(model.backbone, dict(model.heads.items()))
    seen = {id(parameter) for group in apart for parameter in group.parameters}
    seen.add(id(model.learned_weights))
    rest = [p for p in model.trainable().values() if id(p) not in seen]
    found = [
        {
            "params": list(group.parameters),
            "lr": config.lr * group.rate,
            "weight_decay": config.weight_decay if group.decays else 0.0,
        }
        for group in (ParameterGroup(rest), *apart)
        if group.parameters
    ]
    if model.learned_weights is not None:
        found.append({"params": [model.learned_weights], "lr": _WEIGHTS_RATE, "weight_decay": 0.0})
    return found


def state_of(optimizer: torch.optim.Optimizer, sharding: Sharding) -> dict[str, Any]:
    """For a checkpoint, with wholes of what processes hold in parts."""
    return _changed(optimizer, optimizer.state_dict(), sharding.together)


def load_state(optimizer: torch.optim.Optimizer, state: dict[str, Any], sharding: Sharding) -> None:
    """Let ``optimizer`` go on from ``state``, which :func:`state_of` gave of its like."""

    def own(parameter: Tensor, value: Tensor) -> Tensor:
        return sharding.part(parameter, _laid_out_as(parameter, value))

    optimizer.load_state_dict(_changed(optimizer, state, own))


def _changed(
    optimizer: torch.optim.Optimizer,
    state: dict[str, Any],
    change: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Any]:
    """A state with other values in place of those that have an element for each of a parameter."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    changed = {
        at: {
            name: change(parameters[at], value)
            if isinstance(value, Tensor) and value.ndim == parameters[at].ndim
            else value
            for name, value in kept.items()
        }
        for at, kept in state["state"].items()
    }
    return {**state, "state": changed}


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """A checkpoint keeps tensors in plain order; fused kernels want that of the parameter."""
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def _fusible(groups: list[dict[str, Any]]) -> bool:
    return all(p.is_floating_point() for group in groups for p in group["params"])
