"""The best state so far by validation, and what of a model moves in training."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from zoo.model import ComposedModel


class Moving:
    """The tensors of a model that training may move: what is trained, and all buffers.

    Parameters that rest in some epoch belong to them, so this is made before the first.
    """

    def __init__(self, model: ComposedModel) -> None:
        self._model = model
        self._trained = model.trainable()

    def live(self) -> dict[str, Tensor]:
        """The tensors themselves, by name."""
        return {**self._trained, **dict(self._model.named_buffers())}

    def copy(self) -> dict[str, Tensor]:
        """What they are now."""
        return {name: tensor.detach().clone() for name, tensor in self.live().items()}

    @torch.no_grad()
    def put(self, state: dict[str, Tensor]) -> None:
        """Set them to an earlier copy; a buffer that came later stays."""
        for name, tensor in self.live().items():
            if name in state:
                tensor.copy_(state[name])


class Best:
    """The state at the epoch whose validation was best; lower is better."""

    def __init__(self, moving: Moving) -> None:
        self.epoch = 0
        self._moving = moving
        self._value = math.inf
        self._state: dict[str, Tensor] = {}

    @property
    def any(self) -> bool:
        """Whether any epoch had a validation that is a number."""
        return bool(self._state)

    def consider(self, epoch: int, value: float) -> None:
        """Keep the present state if it is better."""
        if value < self._value:
            self.epoch, self._value, self._state = epoch, value, self._moving.copy()

    def restore(self) -> None:
        """Put the model into its best state."""
        self._moving.put(self._state)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"epoch": self.epoch, "value": self._value, "state": self._state}

    def load(self, tree: dict[str, Any]) -> None:
        """From a checkpoint."""
        self.epoch, self._value, self._state = tree["epoch"], tree["value"], tree["state"]
