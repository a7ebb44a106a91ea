"""Several data sets as one, each with the labels of other tasks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.data.dataset import Dataset, Split

_ROLES = ("train", "val", "test")


def joined(datasets: Mapping[str, Dataset], tasks: Sequence[str]) -> Dataset:
    """One data set of the rows of all; a row has the labels of the tasks of its own.

    Args:
        datasets: of one modality, by a name for people; each has some of the tasks.
        tasks: the names of all, in the order they are to have.
    """
    several = list(datasets.values())
    labels = {name: of_task for each in several for name, of_task in each.tasks.items()}
    splits = {}
    for role in _ROLES:
        parts = [each.splits[role] for each in several if role in each.splits]
        if parts:
            inputs = _EndToEnd([part.inputs for part in parts])
            splits[role] = Split(inputs, [label for part in parts for label in part.labels])
    identity = "\0".join(sorted(each.fingerprint for each in several))
    return Dataset(
        kind=" and ".join(dict.fromkeys(each.kind for each in several)),
        modality=several[0].modality,
        description="\n".join(each.description for each in several),
        splits=splits,
        labels=tuple(tasks),
        fingerprint=hashlib.sha256(identity.encode()).hexdigest(),
        skipped=tuple(line for each in several for line in each.skipped),
        notes=tuple(f"{name}: {line}" for name, each in datasets.items() for line in each.notes),
        convert=several[0].convert,
        tasks={name: labels[name] for name in tasks},
    )


class _EndToEnd(Sequence[Any]):
    """Sequences one after the other, which stay where they are."""

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self._places = [(part, at) for part in parts for at in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:
        """One, or some of them."""
        if isinstance(index, slice):
            return [part[at] for part, at in self._places[index]]
        part, at = self._places[index]
        return part[at]
