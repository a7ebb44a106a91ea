"""The target: read, held against the source, and ready to be adapted to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset, EvaluationSplit, Split
from zoo.data.load import load_for_evaluation
from zoo.data.merge import joined
from zoo.data.recognise import recognise
from zoo.data.roles import role_of
from zoo.data.rows import Input
from zoo.data.sameness import digest
from zoo.data.unlabelled import unlabelled as unlabelled_from
from zoo.errors import ColumnMissing, ContractViolation, DataError, DataNotFound
from zoo.model import ComposedModel
from zoo.report.adaptation import TARGET
from zoo.training.adaptation.adapt import Adapt

TARGET_TEST = "target test"


@dataclass(frozen=True)
class Target:
    """Rows of the target domain.

    Attributes:
        name: for people.
        modality: of the inputs.
        inputs: to adapt to.
        labels: theirs, which are never trained on; ``None`` where there are none.
        test: other rows, to measure on; where there are none, those that are adapted to are.
        fingerprint: of all of them; empty where they have no labels.
        convert: whether images of other modes are converted.
        notes: what a person should know.
        known: of the rows that are measured on, those whose label the source has.
        unknown: rows of each label that the source lacks.
    """

    name: str
    modality: str
    inputs: Sequence[Input]
    labels: Sequence[str] | None = None
    test: Split | None = None
    fingerprint: str = ""
    convert: bool = False
    notes: tuple[str, ...] = ()
    known: tuple[int, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)

    @property
    def reported(self) -> str:
        """The name of the split that is measured on."""
        return TARGET_TEST if self.test is not None else TARGET

    @property
    def measured(self) -> Split:
        """The rows that are measured on, with empty labels where there are none."""
        return self.test or Split(self.inputs, self.labels or [""] * len(self.inputs))

    def splits(self, filler: str) -> dict[str, Split]:
        """As splits of a dataset; what has no label that the source has is given ``filler``."""
        known = set(self.known)
        labels = [x if at in known else filler for at, x in enumerate(self.measured.labels)]
        measured = Split(self.measured.inputs, labels)
        if self.test is None:
            return {TARGET: measured}
        return {TARGET: Split(self.inputs, [filler] * len(self.inputs)), TARGET_TEST: measured}

    def plain(self) -> dict[str, Any]:
        """For the record."""
        return {
            "description": self.name,
            "fingerprint": self.fingerprint,
            "rows": {TARGET: len(self.inputs)}
            | ({TARGET_TEST: len(self.test)} if self.test is not None else {}),
            "measured_on": self.reported if self.known else None,
            "unknown_classes": dict(self.unknown),
        }


def read_target(
    path: str | Path, model: ComposedModel, *, unlabelled: bool = False, **reading: Any
) -> Target:
    """What is at ``path``; of data with splits the training rows, and apart from them others.

    Args:
        path: as for :func:`zoo.data.load.load`.
        model: says what its inputs are.
        unlabelled: there are no labels.
        **reading: ``input_column``, ``label_column``, ``skip_bad``, ``convert``.

    Raises:
        ContractViolation: it is of another modality.
        DataError: and the other kinds that reading raises.
    """
    root, contract = Path(path).expanduser(), model.backbone.contract
    if unlabelled:
        how = {name: value for name, value in reading.items() if name != "label_column"}
        found = unlabelled_from(root, contract.modality, **how)
        convert = bool(reading.get("convert"))
        return Target(
            root.name, contract.modality, found.inputs, convert=convert, notes=found.notes
        )
    try:
        parts = _labelled(root, model, **reading)
    except (DataNotFound, ColumnMissing) as err:
        if not root.exists():
            raise
        hint = f"{err.hint} Or say `--target-unlabelled`, where the target has no labels."
        raise type(err)(err.message, hint=hint) from err
    adapted, test = parts[0], parts[1] if len(parts) > 1 else None
    return Target(
        root.name,
        adapted.modality,
        adapted.inputs,
        adapted.labels,
        Split(test.inputs, test.labels) if test is not None else None,
        hashlib.sha256("".join(part.fingerprint for part in parts).encode()).hexdigest(),
        adapted.convert,
        tuple(dict.fromkeys(note for part in parts for note in _notes(part))),
    )


def _labelled(root: Path, model: ComposedModel, **reading: Any) -> list[EvaluationSplit]:
    """The rows to adapt to, and apart from them others to measure on if there are any."""
    names = {role_of(name): name for name in recognise(root).names}
    train = names.get("train")
    held = next((names[role] for role in ("test", "val") if role in names), None)
    splits = [train, held] if train and held else [train]
    task = model.task.labelling
    return [load_for_evaluation(root, task=task, split=split, **reading) for split in splits]


def _notes(part: EvaluationSplit) -> list[str]:
    if not part.skipped:
        return list(part.notes)
    return [*part.notes, f"{len(part.skipped)} target rows are left out, e.g. {part.skipped[0]}"]


def with_labelled(source: Dataset, adapt: Adapt, model: ComposedModel) -> Dataset:
    """The source with the few labelled rows of the target among its training rows.

    They are repeated so that about a fifth of these are theirs.

    Raises:
        LabelProblem: a label that the source lacks.
    """
    if adapt.labelled is None:
        return source
    rows = load_for_evaluation(
        adapt.labelled, task=model.task.labelling, labels=source.labels, **adapt.reading
    )
    train = source.splits["train"]
    times = max(1, round(len(train) / len(rows) / 4))
    total = hashlib.sha256(f"{source.fingerprint} {rows.fingerprint}".encode())
    return replace(
        source,
        splits={**source.splits, "train": joined([train, *[rows] * times])},
        fingerprint=total.hexdigest(),
        notes=(
            *source.notes,
            f"{len(rows)} labelled target rows are trained on, each {times} times",
        ),
    )


def fitted_to(target: Target, source: Dataset, *, batch_size: int, classes: bool = True) -> Target:
    """The target without what is also in the source, and what of it the source lacks.

    Args:
        target, source: of the fit.
        batch_size: the least that has to be left.
        classes: labels are classes, which the source may lack.

    Raises:
        ContractViolation: the two are of different modalities.
        DataError: most of it is in the source, or fewer rows are left than a batch has.
    """
    if target.modality != source.modality:
        raise ContractViolation(
            f"The source is {source.modality} data and the target, {target.name}, "
            f"{target.modality} data.",
            hint="Give a target of the same kind of inputs.",
        )
    seen = {digest(each) for split in source.splits.values() for each in split.inputs}
    new = [at for at, each in enumerate(target.inputs) if digest(each) not in seen]
    shared = len(target.inputs) - len(new)
    if shared * 2 > len(target.inputs):
        raise DataError(
            f"{shared} of {len(target.inputs)} inputs of the target, {target.name}, are also in the "
            "source: these are the same files, and there is nothing to adapt to.",
            hint="Give inputs of the domain that the model will meet.",
        )
    if len(new) < batch_size:
        raise DataError(
            f"The target, {target.name}, has {len(new)} inputs, fewer than a batch of {batch_size}: "
            "too few to align a source with.",
            hint=f"Give more, or e.g. `--batch-size {max(2, len(new) // 2)}`.",
        )
    left = _picked(target, new)
    if left.test is not None:
        held = [at for at, each in enumerate(left.test.inputs) if digest(each) not in seen]
        shared += len(left.test) - len(held)
        left = replace(left, test=_rows(left.test, held))
    if shared:
        note = f"{shared} target inputs that are also trained on are left out."
        left = replace(left, notes=(*left.notes, note))
    return _known(left, source.labels, classes=classes)


def _rows(split: Split, at: Sequence[int]) -> Split:
    return Split([split.inputs[i] for i in at], [split.labels[i] for i in at])


def _picked(target: Target, at: Sequence[int]) -> Target:
    labels = None if target.labels is None else [target.labels[i] for i in at]
    return replace(target, inputs=[target.inputs[i] for i in at], labels=labels)


def _known(target: Target, labels: Sequence[str], *, classes: bool) -> Target:
    """With the rows that can be measured on, and a word on those that cannot."""
    if target.labels is None and target.test is None:
        return target
    measured, names = target.measured.labels, set(labels)
    known = tuple(at for at, label in enumerate(measured) if not classes or label in names)
    counts = Counter(label for label in measured if classes and label not in names)
    if not counts:
        return replace(target, known=known)
    several = f"{len(counts)} classes" if len(counts) > 1 else "a class"
    note = (
        f"The target has {several} that the source lacks ({', '.join(sorted(counts)[:8])}): "
        f"{sum(counts.values())} of {len(measured)} rows cannot be answered right. They are left out "
        "of the figures, and flagged open_set in target.jsonl."
    )
    return replace(target, known=known, unknown=dict(counts), notes=(*target.notes, note))
