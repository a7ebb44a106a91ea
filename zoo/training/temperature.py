"""Temperature scaling of what is validated and kept (Guo et al. 2017, arXiv:1706.04599).

A network that goes on learning becomes too sure of itself, so that log loss rises in epochs in which
its answers still become better. So epochs are compared by their logits at the temperature that suits
each best (Berta et al. 2025, arXiv:2501.19195), and the head of the one that is kept is divided by it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.model import ComposedModel, Task


def temperature_of(model: ComposedModel, task: Task, logits: Tensor, targets: Tensor) -> float:
    """What the task divides validation logits by; 1 where the head cannot take that up."""
    return 1.0 if _linear(model, task) is None else task.temperature(logits, targets)


@torch.no_grad()
def temper(model: ComposedModel, task: Task, temperature: float) -> None:
    """Divide the logits that the head gives, from now on."""
    head = _linear(model, task)
    if head is not None:
        for parameter in head.parameters():
            parameter.div_(temperature)


def _linear(model: ComposedModel, task: Task) -> nn.Linear | None:
    head = dict(model.heads.items()).get(task.name)
    return head if isinstance(head, nn.Linear) else None
