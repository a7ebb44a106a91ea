"""What is drawn anew in each epoch: images that are changed, and what a task draws itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, overload

from torch import Tensor

from zoo.data.augment import NONE, augmented
from zoo.model import ComposedModel, Preprocess, Task
from zoo.training.config import FitConfig
from zoo.training.prepared import PreparedSplit


def kind_of(config: FitConfig, model: ComposedModel) -> str:
    """How inputs are changed: as configured where images train a backbone, else not at all."""
    images = model.backbone.contract.modality == "image"
    return config.augment if images and model.adapter.trains_backbone else NONE


@contextlib.contextmanager
def changing(
    split: PreparedSplit, preprocess: Preprocess, kind: str, *, seed: int, epoch: int
) -> Iterator[None]:
    """Inside, the split gives its images as one epoch sees them."""
    if kind == NONE:
        yield
        return
    split.ready.instead = _Changed(split, preprocess, kind, seed, epoch)
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


class _Changed(Sequence[dict[str, Tensor]]):
    def __init__(
        self, split: PreparedSplit, preprocess: Preprocess, kind: str, seed: int, epoch: int
    ) -> None:
        self._samples, self._preprocess = split.ready.samples, preprocess
        self._kind, self._seed, self._epoch = kind, seed, epoch

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> dict[str, Tensor]: ...

    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Tensor]]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        image = augmented(
            self._samples[index], self._kind, seed=self._seed, epoch=self._epoch, row=index
        )
        return self._preprocess(image)
