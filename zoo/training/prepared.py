"""Splits made ready for training: targets as tensors, samples preprocessed once where they fit."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.data.dataset import Dataset
from zoo.errors import BadSetting
from zoo.model import ComposedModel, Preprocess, Preprocessed, Task
from zoo.model.batches import length_of
from zoo.model.joint import Joint
from zoo.training.config import FitConfig

KEEP_BYTES = 1024**3  # of preprocessed samples, per split
_BUCKET = 32  # batches within which training rows are sorted by length


@dataclass(frozen=True)
class PreparedSplit:
    """One split: preprocessed samples, and targets ``[rows, …]``."""

    name: str
    ready: Preprocessed
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    @functools.cached_property
    def lengths(self) -> list[int]:
        """Elements in each preprocessed sample."""
        return [length_of(self.ready[i]) for i in range(len(self))]


class Some(Preprocessed):
    """Some rows of others, which stay where they are."""

    def __init__(self, ready: Preprocessed, rows: Sequence[int]) -> None:
        super().__init__([], ready.preprocess)
        self._ready, self._rows = ready, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        return self._ready[self._rows[index]]


def prepare(model: ComposedModel, dataset: Dataset, task: Task) -> Mapping[str, PreparedSplit]:
    """All splits of a dataset, for one model and task; samples are decoded lazily.

    Raises:
        ContractViolation: the data is of another modality than the backbone takes.
        LabelProblem: a label the task does not know.
    """
    backbone, preprocess = model.backbone, model.preprocess
    backbone.contract.require_modality(dataset.modality, backbone.spec.name)
    ready = {}
    for name, split in dataset.splits.items():
        read = model.samples(split.inputs, convert=dataset.convert)
        whole = task.in_parts(read, split.labels, backbone.preprocess)
        samples = task.taught(whole.samples, whole.labels)
        kept = Preprocessed(samples, preprocess, keep_bytes=KEEP_BYTES)
        ready[name] = PreparedSplit(name, kept, task.targets(whole.labels))
    return ready


def shuffled(
    split: PreparedSplit,
    preprocess: Preprocess,
    batch_size: int,
    generator: torch.Generator,
    weights: Tensor | None = None,
) -> Sequence[Sequence[int]]:
    """The rows of each batch of one epoch: shuffled, rows of like length together.

    Rows are shuffled, sorted by length within buckets of many batches, and the batches shuffled
    again, so that texts are padded little and the order stays random. With ``weights``, one a row, as
    many rows are drawn with replacement.
    """
    if weights is None:
        order = torch.randperm(len(split), generator=generator).tolist()
    else:
        order = torch.multinomial(
            weights, len(split), replacement=True, generator=generator
        ).tolist()
    rows: list[list[int]] = []
    for start in range(0, len(order), batch_size * _BUCKET):
        bucket = order[start : start + batch_size * _BUCKET]
        if _lengths_differ(preprocess):
            bucket.sort(key=split.lengths.__getitem__)
        rows.extend(bucket[at : at + batch_size] for at in range(0, len(bucket), batch_size))
    return [rows[at] for at in torch.randperm(len(rows), generator=generator).tolist()]


def rows_of_one(task: Task, targets: Tensor) -> int:
    """How many rows a task has; of several tasks the one that has most, as if it were alone."""
    if not isinstance(task, Joint):
        return len(targets)
    return max(int(mask.sum()) for mask, _ in task.split(targets).values())


def row_weights(task: Task, targets: Tensor, config: FitConfig) -> Tensor | None:
    """With which weights training rows are drawn; ``None`` where each is seen once an epoch.

    Raises:
        BadSetting: classes are to be drawn evenly, and there are none.
    """
    if isinstance(task, Joint) and config.mixing != "proportional":
        temperature = config.mix_temperature if config.mixing == "temperature" else math.inf
        return task.shares(targets, temperature)
    return class_weights(targets) if config.balance == "sampler" else None


def class_weights(targets: Tensor) -> Tensor:
    """A weight a row, with which each class is drawn as often.

    Raises:
        BadSetting: the targets are no classes.
    """
    if targets.ndim != 1 or targets.is_floating_point():
        raise BadSetting(
            "balance=sampler draws classes evenly, and these targets are no classes.",
            hint="Leave it out; `zoo show` says what the task itself can weigh.",
        )
    return 1 / torch.bincount(targets).double()[targets]


def collated(
    split: PreparedSplit, preprocess: Preprocess, rows: Sequence[int]
) -> tuple[dict[str, Tensor], Tensor]:
    """A batch of these rows, and their targets."""
    return preprocess.collate([split.ready[i] for i in rows]), split.targets[list(rows)]


def _lengths_differ(preprocess: Preprocess) -> bool:
    """Only who collates in a way of its own takes samples of several lengths."""
    return type(preprocess).collate is not Preprocess.collate
