"""What is drawn anew in each epoch: images that are changed, and what a task draws itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

from zoo.data.augment import NONE, augmented
from zoo.model import ComposedModel, Preprocessed, Task
from zoo.training.config import FitConfig
from zoo.training.prepared import PreparedSplit


@dataclass(frozen=True)
class Augmentation:
    """How the images of a fit are changed.

    Attributes:
        kind: see :mod:`zoo.data.augment`.
        seed: of all draws.
        views: how many different ones of an image the epochs see in turn; 0: each another one.
    """

    kind: str
    seed: int
    views: int = 0

    @classmethod
    def of(cls, config: FitConfig, model: ComposedModel) -> Augmentation | None:
        """As configured, where images train a backbone; ``None`` where nothing is changed."""
        images = model.backbone.contract.modality == "image"
        if config.augment == NONE or not images or not model.adapter.trains_backbone:
            return None
        return cls(config.augment, config.seed, config.views)

    def view(self, ready: Preprocessed, epoch: int) -> View:
        """The images as an epoch sees them; epochs count from 1."""
        return View(ready, self, (epoch - 1) % self.views + 1 if self.views else epoch)


class View(Preprocessed):
    """Images changed in one way each.

    Args:
        ready: as they are.
        augmentation: how they are changed.
        number: of the draw.

    Attributes:
        plain: as they are.
        draw: in words, with which and the position of a row all of it can be repeated.
    """

    def __init__(self, ready: Preprocessed, augmentation: Augmentation, number: int) -> None:
        super().__init__(_Changed(ready.samples, augmentation, number), ready.preprocess)
        self.plain = ready
        self.number = number
        self.draw = f"{augmentation.kind} {augmentation.seed} {number}"


@contextlib.contextmanager
def changing(
    split: PreparedSplit, augmentation: Augmentation | None, *, epoch: int
) -> Iterator[None]:
    """Inside, the split gives its images as one epoch sees them, if it does not already."""
    if augmentation is None or split.ready.instead is not None:
        yield
        return
    split.ready.instead = augmentation.view(split.ready, epoch)
    try:
        yield
    finally:
        split.ready.instead = None


@contextlib.contextmanager
def drawing(task: Task, epoch: int) -> Iterator[None]:
    """Inside, what the task draws at random is that of one epoch."""
    task.epoch = epoch
    try:
        yield
    finally:
        task.epoch = 0


class _Changed(Sequence[Any]):
    """Raw images, changed when they are asked for."""

    def __init__(self, samples: Sequence[Any], augmentation: Augmentation, number: int) -> None:
        self._samples, self._how, self._number = samples, augmentation, number

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        how, image = self._how, self._samples[index]
        return augmented(image, how.kind, seed=how.seed, epoch=self._number, row=index)
