"""What loading data gives: splits of inputs and labels, and what a person should know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from zoo.data.rows import Input

_SHOWN_LABELS = 12
_SHOWN_SKIPPED = 5


@dataclass(frozen=True)
class Split:
    """Inputs (texts, paths of images, or pairs) and their labels, in one order."""

    inputs: Sequence[Input]
    labels: Sequence[str]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, kw_only=True)
class EvaluationSplit(Split):
    """The one split of some data that a model is evaluated on.

    Attributes:
        name: ``"test"``, ``"val"``, ``"train"``, the data's own name where one was asked for, or
            ``"all"`` for data without splits.
        modality, description, fingerprint, skipped, notes, convert: as for :class:`Dataset`.
        caution: what to know where a model is measured that may have been fitted on these rows.
    """

    name: str
    modality: str
    description: str
    fingerprint: str
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    convert: bool = False
    caution: tuple[str, ...] = ()

    def describe(self) -> list[str]:
        """Lines for a person: what the data was taken for, and what is evaluated."""
        lines = [self.description, f"evaluating {self.name}: {len(self)} rows"]
        return [*lines, *_skipped_lines(self.skipped), *self.notes, *self.caution]


@dataclass(frozen=True)
class Dataset:
    """A person's data, recognised, checked and split.

    Attributes:
        kind: ``"image folder"`` or ``"table"``.
        modality: ``"image"`` or ``"text"``.
        description: one line saying what the data was taken for.
        splits: ``"train"``, and ``"val"`` and ``"test"`` where there are such.
        labels: of the training split; numbers in numeric order, others in natural order.
        fingerprint: sha256 over the contents and labels of what is used, whatever the order of
            files and rows and however the rest is carved from the training split.
        skipped: what was left out and why, one entry a row.
        notes: what a person should know, such as test inputs that also occur in training.
        convert: whether 16-bit, float and CMYK images are turned into 8-bit while reading.
        tasks: where several are learned at once, the labels of each; ``labels`` are their names.
        carved: the splits that are not the data's own but were taken from its training rows.
        pinned: of a dataset on the Hub, its name with the commit that was read.
    """

    kind: str
    modality: str
    description: str
    splits: Mapping[str, Split]
    labels: tuple[str, ...]
    fingerprint: str
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    convert: bool = False
    tasks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    carved: tuple[str, ...] = ()
    pinned: str = ""

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each split."""
        return {name: len(split) for name, split in self.splits.items()}

    def describe(self) -> list[str]:
        """Lines for a person: what the data was taken for, its labels, its rows, its oddities."""
        rows = " · ".join(f"{name} {count}" for name, count in self.rows.items())
        labels = [f"{name}: {_listed(of_task)}" for name, of_task in self.tasks.items()]
        labels = labels or [_listed(self.labels)] * bool(self.labels)
        lines = [self.description, *labels, f"rows: {rows}"]
        return [*lines, *_skipped_lines(self.skipped), *self.notes]


def _listed(labels: Sequence[str]) -> str:
    more = ", …" if len(labels) > _SHOWN_LABELS else ""
    return (
        f"{len(labels)} label{'s' * (len(labels) != 1)}: {', '.join(labels[:_SHOWN_LABELS])}{more}"
    )


def _skipped_lines(skipped: Sequence[str]) -> list[str]:
    if not skipped:
        return []
    more = [f"  … and {len(skipped) - _SHOWN_SKIPPED} more"] * (len(skipped) > _SHOWN_SKIPPED)
    return [
        f"skipped {len(skipped)}:",
        *(f"  {entry}" for entry in skipped[:_SHOWN_SKIPPED]),
        *more,
    ]
