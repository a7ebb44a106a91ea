"""Raw samples to collated batches, and batches to frozen features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.model.backbone import Backbone, Preprocess
from zoo.progress import Progress, Silent

if TYPE_CHECKING:
    from zoo.model.task import Task

_WINDOW = 16  # batches that are sorted by length together; bounds memory for images


class Preprocessed(Sequence[dict[str, Tensor]]):
    """Samples as the backbone takes them, each preprocessed when first asked for.

    Args:
        samples: raw ones (``PIL.Image``, ``str``).
        preprocess: the backbone's.
        keep_bytes: how much of the result to keep for the next time.
    """

    def __init__(
        self, samples: Sequence[Any], preprocess: Preprocess, *, keep_bytes: int = 0
    ) -> None:
        self._samples = samples
        self._preprocess = preprocess
        self._room = keep_bytes
        self._kept: dict[int, dict[str, Tensor]] = {}

    def __len__(self) -> int:
        return len(self._samples)

    def first(self, count: int) -> Preprocessed:
        """The first ``count`` of them."""
        few = [self._samples[i] for i in range(min(count, len(self)))]
        return Preprocessed(few, self._preprocess)

    def __getitem__(self, index: Any) -> Any:
        if index in self._kept:
            return self._kept[index]
        ready = self._preprocess(self._samples[index])
        size = sum(tensor.nbytes for tensor in ready.values())
        if size <= self._room:
            self._kept[index] = ready
            self._room -= size
        return ready


def length_of(sample: Mapping[str, Tensor]) -> int:
    """Elements in a preprocessed sample; texts of like length share a batch."""
    return sum(tensor.numel() for tensor in sample.values())


def batches(
    samples: Sequence[Any], preprocess: Preprocess, batch_size: int
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """Yield ``(positions, batch)`` over all samples, raw or :class:`Preprocessed`.

    Within a window of many batches samples are ordered by length, longest first, so that little is
    padded and running out of memory happens at once rather than late.
    """
    if not isinstance(samples, Preprocessed):
        samples = Preprocessed(samples, preprocess)
    window = batch_size * _WINDOW
    for start in range(0, len(samples), window):
        ready = [samples[i] for i in range(start, min(start + window, len(samples)))]
        order = sorted(range(len(ready)), key=lambda i: -length_of(ready[i]))
        for at in range(0, len(order), batch_size):
            chosen = order[at : at + batch_size]
            yield [start + i for i in chosen], preprocess.collate([ready[i] for i in chosen])


@torch.inference_mode()
def extract(
    backbone: Backbone,
    samples: Sequence[Any],
    *,
    task: Task | None = None,
    batch_size: int = 32,
    progress: Progress | None = None,
    stage: str = "features",
) -> Tensor:
    """Features of raw or preprocessed samples, ``[units, size]`` on the CPU.

    Without a task, or where an input is one unit, these are a vector a sample, in order.
    """
    device = next(backbone.parameters()).device
    preprocess = task.preprocess(backbone.preprocess) if task else backbone.preprocess
    size = task.feature_size(backbone) if task else backbone.feature_size
    found = [torch.empty(0, size)] * len(samples)
    with (progress or Silent()).stage(stage, len(samples)) as advance:
        for positions, batch in batches(samples, preprocess, batch_size):
            on_device = {key: value.to(device) for key, value in batch.items()}
            features = backbone(on_device)
            vectors = task.select(features, on_device) if task else features.pooled
            real = task.real_units(on_device) if task else None
            for position, row in zip(positions, _units(vectors.float().cpu(), real), strict=True):
                found[position] = row
            advance(len(positions))
    return torch.cat(found) if found else torch.empty(0, size)


def _units(vectors: Tensor, real: Tensor | None) -> list[Tensor]:
    """The vectors of each row, ``[units, size]``."""
    if real is None:
        return list(vectors.unsqueeze(1))
    return [row[mask] for row, mask in zip(vectors, real.bool().cpu(), strict=True)]
