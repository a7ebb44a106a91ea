"""Raw samples to collated batches, and batches to frozen features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.model.backbone import Backbone, Preprocess
from zoo.progress import Progress, Silent

_WINDOW = 64  # batches that are sorted by length together


def size_of(sample: Mapping[str, Tensor]) -> int:
    """Elements in a preprocessed sample; texts of like length then share a batch."""
    return sum(tensor.numel() for tensor in sample.values())


def batches(
    samples: Sequence[Any], preprocess: Preprocess, batch_size: int
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """Yield ``(positions, batch)`` over all samples, preprocessing as it goes.

    Within a window of many batches samples are ordered by length, longest first, so that little is
    padded and running out of memory happens at once rather than late.
    """
    window = batch_size * _WINDOW
    for start in range(0, len(samples), window):
        stop = min(start + window, len(samples))
        ready = [preprocess(samples[i]) for i in range(start, stop)]
        order = sorted(range(len(ready)), key=lambda i: -size_of(ready[i]))
        for at in range(0, len(order), batch_size):
            chosen = order[at : at + batch_size]
            yield [start + i for i in chosen], preprocess.collate([ready[i] for i in chosen])


@torch.inference_mode()
def extract(
    backbone: Backbone,
    samples: Sequence[Any],
    *,
    batch_size: int = 32,
    progress: Progress | None = None,
    stage: str = "features",
) -> Tensor:
    """Pooled features of all samples, ``[len(samples), feature_size]`` float32 on the CPU."""
    device = next(backbone.parameters()).device
    features = torch.empty(len(samples), backbone.feature_size)
    with (progress or Silent()).stage(stage, len(samples)) as advance:
        for positions, batch in batches(samples, backbone.preprocess, batch_size):
            on_device = {key: value.to(device) for key, value in batch.items()}
            features[positions] = backbone(on_device).pooled.float().cpu()
            advance(len(positions))
    return features
