"""Several data sets as one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from zoo.data.dataset import Dataset, Split
from zoo.data.labelling import Labelling
from zoo.errors import ContractViolation


def merged(datasets: Sequence[Dataset], labelling: Labelling) -> Dataset:
    """The rows of all, split by split, with the labels of all.

    Args:
        datasets: at least one, of one modality.
        labelling: of the task.

    Raises:
        ContractViolation: they are of different modalities.
    """
    first = datasets[0]
    if len(datasets) == 1:
        return first
    for other in datasets[1:]:
        if other.modality != first.modality:
            raise ContractViolation(
                f"The sources are {first.modality} data and {other.modality} data.",
                hint="Give sources of one kind of inputs.",
            )
    names = list(dict.fromkeys(name for each in datasets for name in each.splits))
    splits = {
        name: joined([each.splits[name] for each in datasets if name in each.splits])
        for name in names
    }
    total = hashlib.sha256("".join(each.fingerprint for each in datasets).encode())
    return replace(
        first,
        description=" + ".join(each.description for each in datasets),
        splits=splits,
        labels=labelling.outputs(splits["train"].labels),
        fingerprint=total.hexdigest(),
        skipped=tuple(entry for each in datasets for entry in each.skipped),
        notes=tuple(dict.fromkeys(note for each in datasets for note in each.notes)),
        convert=any(each.convert for each in datasets),
    )


def joined(splits: Sequence[Split]) -> Split:
    """The rows of all, in this order."""
    return Split(
        [each for split in splits for each in split.inputs],
        [label for split in splits for label in split.labels],
    )
