"""Splits made ready for training: targets as tensors, samples preprocessed once where they fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.data.dataset import Dataset
from zoo.model import ComposedModel, Preprocess, Preprocessed, Task
from zoo.model.batches import length_of

_KEEP_BYTES = 1024**3  # of preprocessed samples, per split
_BUCKET = 32  # batches within which training rows are sorted by length


@dataclass(frozen=True)
class PreparedSplit:
    """One split: preprocessed samples, and targets ``[rows, …]``."""

    name: str
    ready: Preprocessed
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)


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
        samples = model.samples(split.inputs, convert=dataset.convert)
        kept = Preprocessed(samples, preprocess, keep_bytes=_KEEP_BYTES)
        ready[name] = PreparedSplit(name, kept, task.targets(split.labels))
    return ready


def shuffled_batches(
    split: PreparedSplit, preprocess: Preprocess, batch_size: int, generator: torch.Generator
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """One epoch of ``(batch, targets)``: shuffled, rows of like length together.

    Rows are shuffled, sorted by length within buckets of many batches, and the batches shuffled
    again, so that texts are padded little and the order stays random.
    """
    order = torch.randperm(len(split), generator=generator).tolist()
    rows: list[list[int]] = []
    for start in range(0, len(order), batch_size * _BUCKET):
        bucket = order[start : start + batch_size * _BUCKET]
        bucket.sort(key=lambda i: length_of(split.ready[i]))
        rows.extend(bucket[at : at + batch_size] for at in range(0, len(bucket), batch_size))
    for at in torch.randperm(len(rows), generator=generator).tolist():
        yield preprocess.collate([split.ready[i] for i in rows[at]]), split.targets[rows[at]]
