"""Raw samples to collated batches, and batches to frozen features."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from zoo.model.backbone import Backbone
from zoo.model.inference import Call, computing, fastest
from zoo.model.preprocess import Preprocess
from zoo.progress import Progress, Silent

if TYPE_CHECKING:
    from zoo.model.task import Task

_WINDOW = 16  # batches that are sorted by length together; bounds memory for images

# On a CPU a pass over more than a few megabytes of images leaves the caches between two layers:
# MobileNetV2 and EfficientNet-B0 take 1.4 times as long for 32 images of 224 pixels as for 4 x 8.
_CACHED = 5 * 2**20
_FEWEST = 4  # rows

Ready = Mapping[str, Tensor]
_Item = TypeVar("_Item")


class Preprocessed(Sequence[dict[str, Tensor]]):
    """Samples as the backbone takes them, each preprocessed when first asked for.

    Args:
        samples: raw ones (``PIL.Image``, ``str``).
        preprocess: the backbone's.
        keep_bytes: how much of the result to keep for the next time.

    Attributes:
        instead: where set, what is given in place of the preprocessed samples.
        room: bytes that are left to keep results in.
    """

    def __init__(
        self, samples: Sequence[Any], preprocess: Preprocess, *, keep_bytes: int = 0
    ) -> None:
        self.samples = samples
        self.instead: Sequence[dict[str, Tensor]] | None = None
        self.preprocess = preprocess
        self.room = keep_bytes
        self._kept: dict[int, dict[str, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.samples)

    def first(self, count: int) -> Preprocessed:
        """The first ``count`` of them."""
        few = [self.samples[i] for i in range(min(count, len(self)))]
        return Preprocessed(few, self.preprocess)

    def __getitem__(self, index: Any) -> Any:
        return self.sample(index) if self.instead is None else self.instead[index]

    def sample(self, index: int) -> dict[str, Tensor]:
        """One sample preprocessed, whatever stands in its place."""
        if index in self._kept:
            return self._kept[index]
        ready = self.preprocess(self.samples[index])
        size = sum(tensor.nbytes for tensor in ready.values())
        if size <= self.room:
            self._kept[index] = ready
            self.room -= size
        return ready


def length_of(sample: Ready) -> int:
    """Elements in a preprocessed sample; texts of like length share a batch."""
    return sum(tensor.numel() for tensor in sample.values())


def stacks(preprocess: Preprocess) -> bool:
    """Whether its samples are of one shape, so that a batch is a plain stack of them."""
    return type(preprocess).collate is Preprocess.collate


def batches(
    samples: Sequence[Any],
    preprocess: Preprocess,
    batch_size: int,
    positions: Sequence[int] | None = None,
    *,
    device: torch.device | None = None,
) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
    """Yield ``(positions, batch)`` over samples, raw or :class:`Preprocessed`, all or some.

    Within a window of many batches samples are ordered by length, longest first, so that little is
    padded and running out of memory happens at once rather than late. A batch has ``batch_size``
    samples of mean length, so fewer long ones and more short ones; for a CPU as ``device`` fewer of
    samples that are large.
    """
    if not isinstance(samples, Preprocessed):
        samples = Preprocessed(samples, preprocess)
    wanted = range(len(samples)) if positions is None else positions
    window = batch_size if stacks(preprocess) else batch_size * _WINDOW
    for start in range(0, len(wanted), window):
        chosen = wanted[start : start + window]
        ready = [samples[i] for i in chosen]
        lengths = [length_of(sample) for sample in ready]
        at_once = _within_caches(ready[0], batch_size) if _is_cpu(device) else batch_size
        for rows in _grouped(lengths, at_once):
            yield [chosen[i] for i in rows], preprocess.collate([ready[i] for i in rows])


def _is_cpu(device: torch.device | None) -> bool:
    return device is not None and device.type == "cpu"


def _within_caches(sample: Ready, batch_size: int) -> int:
    size = sum(tensor.nbytes for tensor in sample.values())
    return min(batch_size, max(_FEWEST, _CACHED // max(1, size)))


def _grouped(lengths: Sequence[int], batch_size: int) -> Iterator[list[int]]:
    """Positions by length, longest first, in groups of about ``batch_size`` mean lengths."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    budget = batch_size * sum(lengths) / max(1, len(lengths))
    at = 0
    while at < len(order):
        rows = max(1, int(budget / max(1, lengths[order[at]])))
        yield order[at : at + rows]
        at += rows


def computed(
    call: Call,
    module: nn.Module,
    samples: Sequence[Any],
    preprocess: Preprocess,
    *,
    batch_size: int = 32,
    bf16: bool = False,
    positions: Sequence[int] | None = None,
) -> Iterator[tuple[list[int], Ready, Tensor]]:
    """Yield ``(positions, batch, output)`` of a frozen computation, the next batch read meanwhile.

    Args:
        call: batch to output.
        module: what it computes with, in evaluation mode.
        samples, preprocess, batch_size, positions: as for :func:`batches`.
        bf16: whether to compute in bfloat16.
    """
    device = next(module.parameters()).device
    count = len(samples) if positions is None else len(positions)
    quick: Call | None = None
    for rows, batch in _ahead(batches(samples, preprocess, batch_size, positions, device=device)):
        on_device = {key: value.to(device) for key, value in batch.items()}
        if quick is None:
            several = len(rows) > 2 and stacks(preprocess)
            quick = fastest(call, module, on_device, rows=count, bf16=bf16) if several else call
        with computing(device.type, bf16=bf16):
            output = quick(on_device)
        yield rows, batch, output


def _ahead(items: Iterable[_Item]) -> Iterator[_Item]:
    """The same, each made by another thread while the one before is worked on."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="zoo-reads") as thread:
        waiting = thread.submit(list, _one(iterator))
        while found := waiting.result():
            waiting = thread.submit(list, _one(iterator))
            yield found[0]


def _one(iterator: Iterator[_Item]) -> Iterator[_Item]:
    """At most one more item."""
    for item in iterator:
        yield item
        return


def extract(
    backbone: Backbone,
    samples: Sequence[Any],
    *,
    task: Task | None = None,
    batch_size: int = 32,
    bf16: bool = False,
    progress: Progress | None = None,
    stage: str = "features",
) -> Tensor:
    """Features of raw or preprocessed samples, ``[units, size]`` on the CPU.

    Without a task, or where an input is one unit, these are a vector a sample, in order.

    Args:
        backbone: in evaluation mode.
        samples: raw, or :class:`Preprocessed`.
        task: whose head is to sit on the features.
        batch_size: of samples of mean length.
        bf16: whether to compute in bfloat16.
        progress: whom to tell; nobody by default.
        stage: what to call the work.
    """
    size = task.feature_size(backbone) if task else backbone.feature_size
    found = [torch.empty(0, size)] * len(samples)
    with (progress or Silent()).stage(stage, len(samples)) as advance:
        for positions, batch, vectors in computed(
            functools.partial(_features, backbone, task),
            backbone,
            samples,
            task.preprocess(backbone.preprocess) if task else backbone.preprocess,
            batch_size=batch_size,
            bf16=bf16,
        ):
            real = task.real_units(batch) if task else None
            for position, row in zip(positions, _units(vectors.float().cpu(), real), strict=True):
                found[position] = row
            advance(len(positions))
    return torch.cat(found) if found else torch.empty(0, size)


def _features(backbone: Backbone, task: Task | None, batch: Ready) -> Tensor:
    features = backbone(batch)
    return task.select(features, batch) if task else features.pooled


def _units(vectors: Tensor, real: Tensor | None) -> list[Tensor]:
    """The vectors of each row, ``[units, size]``."""
    if real is None:
        return list(vectors.unsqueeze(1))
    return [row[mask] for row, mask in zip(vectors, real.bool().cpu(), strict=True)]
