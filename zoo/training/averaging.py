"""Averages of the weights over training, which are validated and kept in their place.

``ema``: an exponential moving average of every step (Polyak and Juditsky 1992, as most recipes for
images have it); ``swa``: the mean over the ends of the last epochs (Izmailov et al. 2018,
arXiv:1803.05407). The statistics of batch norms that follow the data are averaged likewise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn, get_swa_multi_avg_fn

from zoo.training.best import Moving
from zoo.training.config import FitConfig

_LAST = 0.75  # of the epochs are over when swa begins


class Average:
    """The average of what moves in training; none where the configuration asks for none."""

    def __init__(self, moving: Moving, config: FitConfig, epochs: int) -> None:
        self._moving, self._config = moving, config
        self._from = min(int(epochs * _LAST) + 1, epochs - 1)  # epoch
        self._count = 0
        self._state: dict[str, Tensor] = {}

    def after_step(self) -> None:
        """Take the present weights in, where every step counts."""
        if self._config.average == "ema":
            # At first the average is of few steps, and should not cling to where it began.
            decay = min(self._config.ema_decay, (1 + self._count) / (10 + self._count))
            self._take(get_ema_multi_avg_fn(decay))

    def after_epoch(self, epoch: int) -> None:
        """Take the present weights in, where the last epochs count."""
        if self._config.average == "swa" and epoch >= self._from:
            self._take(get_swa_multi_avg_fn())

    @property
    def any(self) -> bool:
        """Whether there is an average."""
        return self._count > 0

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """The model has the averaged weights within the block."""
        if not self.any:
            yield
            return
        live = self._moving.copy()
        self._moving.put(self._state)
        try:
            yield
        finally:
            self._moving.put(live)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"count": self._count, "state": self._moving.together(self._state)}

    def load(self, tree: dict[str, Any]) -> None:
        """From a checkpoint."""
        self._count, self._state = tree["count"], self._moving.part(tree["state"])

    @torch.no_grad()
    def _take(self, average: Callable[[Any, Any, Any], None]) -> None:
        if not self._state:
            self._state = self._moving.copy()
        else:
            live = self._moving.present()
            numbers = [name for name in self._state if self._state[name].is_floating_point()]
            average([self._state[n] for n in numbers], [live[n] for n in numbers], self._count)
        self._count += 1
