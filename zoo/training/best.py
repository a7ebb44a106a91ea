"""The best state so far by validation, and what of a model moves in training."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.model import ComposedModel, Task
from zoo.training.sharding import Sharding

_GROUPS = 50  # of rows, whose mean losses are compared
_SURE = 2.0  # standard errors


class Moving:
    """The tensors of a model that training may move: what is trained, and all buffers.

    Parameters that rest in some epoch belong to them, so this is made before the first. Of those
    that processes hold in parts, each copies its own.
    """

    def __init__(self, model: ComposedModel, sharding: Sharding | None = None) -> None:
        self._model = model
        self._trained = model.trainable()
        self._sharding = sharding or Sharding()

    def live(self) -> dict[str, Tensor]:
        """The tensors themselves, by name."""
        return {**self._trained, **dict(self._model.named_buffers())}

    def present(self) -> dict[str, Tensor]:
        """The tensors themselves, but parts where processes hold parts."""
        return {name: self._sharding.present(tensor) for name, tensor in self.live().items()}

    def copy(self) -> dict[str, Tensor]:
        """What they are now."""
        return {name: tensor.detach().clone() for name, tensor in self.present().items()}

    @torch.no_grad()
    def put(self, state: dict[str, Tensor]) -> None:
        """Set them to an earlier copy; a buffer that came later stays."""
        for name, tensor in self.live().items():
            if name in state:
                self._sharding.put(tensor, state[name])

    def together(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A copy as wholes, for a checkpoint; all processes have to ask for it."""
        return {
            name: self._sharding.together(self._trained.get(name), tensor)
            for name, tensor in state.items()
        }

    def part(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """A copy as it is kept here, from wholes."""
        return {
            name: self._sharding.part(self._trained.get(name), tensor)
            for name, tensor in state.items()
        }


class Best:
    """The state at the epoch whose validation was best; lower is better.

    Attributes:
        epoch: whose state is kept.
        temperature: what its logits are to be divided by.
        lowest: the epoch that was best, though it may not have been clearly so.
    """

    def __init__(self, moving: Moving) -> None:
        self.epoch = self.lowest = 0
        self.temperature = 1.0
        self._moving = moving
        self._value = self._lowest_value = math.inf
        self._state: dict[str, Tensor] = {}

    @property
    def any(self) -> bool:
        """Whether any epoch had a validation that is a number."""
        return bool(self._state)

    def consider(
        self,
        epoch: int,
        value: float,
        is_clear: Callable[[], bool] = lambda: True,
        temperature: float = 1.0,
    ) -> None:
        """Keep the present state if it is better.

        Args:
            epoch: the present one.
            value: of its validation.
            is_clear: whether it is better than epoch 0 by more than chance gives.
            temperature: at which that is.
        """
        if value < self._lowest_value:
            self.lowest, self._lowest_value = epoch, value
        leaves_start = self.epoch == 0 and self.any
        if value < self._value and (not leaves_start or is_clear()):
            self.epoch, self._value, self._state = epoch, value, self._moving.copy()
            self.temperature = temperature

    def restore(self) -> None:
        """Put the model into its best state."""
        self._moving.put(self._state)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            "epoch": self.epoch,
            "value": self._value,
            "temperature": self.temperature,
            "state": self._moving.together(self._state),
            "lowest": self.lowest,
            "lowest_value": self._lowest_value,
        }

    def load(self, tree: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.epoch, self._value = tree["epoch"], tree["value"]
        self.temperature = tree["temperature"]
        self._state = self._moving.part(tree["state"])
        self.lowest, self._lowest_value = tree["lowest"], tree["lowest_value"]


@torch.no_grad()
def is_clearly_better(task: Task, logits: Tensor, than: Tensor, targets: Tensor) -> bool:
    """Whether the loss is lower by more than two standard errors of the difference, over rows.

    Of two models that few rows cannot tell apart the simpler one is taken (Breiman et al. 1984,
    Classification and Regression Trees, 3.4.3, for one standard error); two, because of many epochs
    the best one is asked about.

    Args:
        task: gives the loss.
        logits: of the more complex model, a row each.
        than: those of the simpler one.
        targets: of the same rows.
    """
    groups = min(len(targets), _GROUPS)
    falls = torch.stack(
        [
            task.loss(than[at::groups], targets[at::groups])
            - task.loss(logits[at::groups], targets[at::groups])
            for at in range(groups)
        ]
    ).double()
    falls = falls[falls.isfinite()]
    if len(falls) < 2:
        return False
    return bool(falls.mean() > _SURE * falls.std() / math.sqrt(len(falls)))
