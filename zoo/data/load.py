"""Loading data: recognise, read and check every row, take or make the splits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.data import oddities
from zoo.data.cell import Values
from zoo.data.check import fingerprint
from zoo.data.contract import InputContract
from zoo.data.dataset import Dataset, EvaluationSplit, Split
from zoo.data.joined import joined
from zoo.data.labelling import Classes, Labelling, labelling_of
from zoo.data.labels import Rows
from zoo.data.reading import Reading
from zoo.data.recognise import recognise
from zoo.data.roles import UNSPLIT, assign, choose, role_of
from zoo.data.rows import Row
from zoo.data.several import Several, several
from zoo.data.stratify import carve
from zoo.errors import BadSetting, DataNotFound, LabelProblem
from zoo.progress import Progress


def load(
    path: str | Path,
    *,
    task: str | Labelling | Mapping[str, tuple[str, ...]] | None = None,
    modality: str | None = None,
    input_column: str | None = None,
    label_column: str | None = None,
    splits: Mapping[str, str] | None = None,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    seed: int = 0,
    skip_bad: bool = False,
    contract: InputContract | None = None,
    convert: bool = False,
    progress: Progress | None = None,
) -> Dataset:
    """Load data to train on: a folder of images by class, or a table.

    Splits are the data's own where it has any. A missing validation split is carved from the
    training split, and so is a test split where the data holds out nothing at all.

    Args:
        path: folder or file.
        task: what is to be learned, by name or as what it makes of labels; by default one class a
            row. Several at once by a name of their own, as kind and columns, e.g.
            ``{"price": ("regression", "price"), "kind": ("classification", "kind")}``; a row may
            lack any of them. Where one of them is in another data set, its place comes third; columns
            and splits that are named are those of ``path``.
        modality: ``"image"`` or ``"text"``, where looking should not decide.
        input_column, label_column: of a table, where looking should not decide; several with
            commas between them, where the task has several.
        splits: role to the data's own name of a split, e.g. ``{"train": "train", "test": "val"}``.
        val_fraction, test_fraction: shares of all rows, where they are carved.
        seed: draws what is carved.
        skip_bad: leave out and count what cannot be used, instead of stopping.
        contract: of the backbone; decides the modality where ``modality`` does not.
        convert: turn 16-bit, float and CMYK images into 8-bit instead of refusing.
        progress: is told how many images have been read.

    Raises:
        DataNotFound: nothing there, or nothing of a known kind.
        UnreadableFiles, ContractViolation: images that do not decode, or are not 8-bit.
        ColumnMissing: a column that is not there, or that cannot be guessed.
        LabelProblem: labels that the task cannot use, too few, or some never seen in training.
        DataError: blank texts, or splits that cannot be told apart.
        BadSetting: fractions or splits that make no sense.
    """
    if min(val_fraction, test_fraction) < 0 or val_fraction + test_fraction >= 1:
        raise BadSetting(
            f"val_fraction {val_fraction:g} and test_fraction {test_fraction:g} leave nothing to "
            "train on.",
            hint="Both are shares of all rows: at least 0, and less than 1 together.",
        )
    labelling = _labelling(task)
    if isinstance(labelling, Several) and labelling.places:
        each = functools.partial(
            load,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            seed=seed,
            skip_bad=skip_bad,
            contract=contract,
            convert=convert,
            progress=progress,
        )
        named = {"input_column": input_column, "splits": splits}
        return _load_several(path, labelling, modality, each, named)
    root = Path(path).expanduser()
    recognised = recognise(
        root,
        set((splits or {}).values()),
        texts=labelling.optional,
        labelling=labelling,
        told=bool(input_column or label_column),
    )
    roles = assign(recognised.names, splits, str(root))
    reading = Reading(
        labelling=labelling,
        modality=modality,
        input_column=input_column,
        label_column=label_column,
        skip_bad=skip_bad,
        contract=contract,
        convert=convert,
        progress=progress,
    )
    found = reading.read(recognised, roles)
    learnable = labelling.learn(found.rows, str(root), skip_bad=skip_bad)
    rows = learnable.rows
    identity = fingerprint({UNSPLIT: rows["train"]} if roles["train"] == UNSPLIT else rows)
    own = {role for role in rows if rows[role]}
    carved = _carve_missing(rows, val_fraction, test_fraction, seed, labelling)
    odd = oddities.of_rows(rows, found.modality, labelling.stratum)
    return Dataset(
        kind=found.kind,
        modality=found.modality,
        description=found.description,
        splits={role: _split(rows[role]) for role in ("train", "val", "test") if rows.get(role)},
        labels=learnable.labels,
        tasks=learnable.by_task,
        fingerprint=identity,
        skipped=(*found.skipped, *learnable.skipped),
        notes=(*found.notes, *carved, *odd),
        convert=convert,
        carved=tuple(role for role in ("val", "test") if rows.get(role) and role not in own),
        pinned=recognised.pinned,
    )


def load_for_evaluation(
    path: str | Path,
    *,
    task: str | Labelling | None = None,
    split: str | None = None,
    labels: Collection[str] | None = None,
    modality: str | None = None,
    input_column: str | None = None,
    label_column: str | None = None,
    skip_bad: bool = False,
    contract: InputContract | None = None,
    convert: bool = False,
    progress: Progress | None = None,
) -> EvaluationSplit:
    """Load one split: the one asked for, else test, else val, else what there is.

    Data without splits is taken whole. Where a model was fitted on the same data, its test rows
    are a part of it: equal fingerprints tell.

    Args:
        path: folder or file.
        task: as for :func:`load`.
        split: by role or by the data's own name.
        labels: the outputs that the model has; labels that are none of them are refused, or left
            out with ``skip_bad``.
        modality, input_column, label_column, skip_bad, contract, convert, progress: as for
            :func:`load`.

    Raises:
        BadSetting: the data has no such split.
        LabelProblem: blank labels, or some that the model does not know.
        DataError: and the other kinds that :func:`load` raises.
    """
    labelling = _labelling(task)
    root = Path(path).expanduser()
    recognised = recognise(
        root,
        {split} if split else (),
        texts=labelling.optional,
        labelling=labelling,
        told=bool(input_column or label_column),
    )
    name = choose(recognised.names, split, str(root))
    reading = Reading(
        labelling=labelling,
        outputs=labels or (),
        modality=modality,
        input_column=input_column,
        label_column=label_column,
        skip_bad=skip_bad,
        contract=contract,
        convert=convert,
        progress=progress,
    )
    found = reading.read(recognised, {"test": name})
    rows, skipped = list(found.rows["test"]), list(found.skipped)
    if labels is not None:
        rows, unknown = labelling.keep(rows, labels, name or "the data", skip_bad=skip_bad)
        skipped += unknown
    if not rows:
        raise DataNotFound(
            f"No row of {name or 'the data'} in {root} can be used.",
            hint="Give data with inputs and labels that the model knows.",
        )
    return EvaluationSplit(
        Values([row.input for row in rows]),
        [row.label for row in rows],
        name=role_of(name) or name or "all",
        modality=found.modality,
        description=found.description,
        fingerprint=fingerprint({role_of(name) or name: rows}),
        skipped=tuple(skipped),
        notes=found.notes,
        convert=convert,
        caution=_caution(name),
    )


def _load_several(
    path: str | Path,
    labelling: Several,
    modality: str | None,
    each: Callable[..., Dataset],
    named: Mapping[str, Any],
) -> Dataset:
    """Load the data set of each task, and join them."""
    found: dict[str, Dataset] = {}
    for place, part in labelling.by_place().items():
        more = {} if place else named
        dataset = each(place or path, task=part, modality=modality, **more)
        modality = dataset.modality
        found[str(place or path)] = dataset
    return joined(found, tuple(labelling.parts))


def _labelling(task: str | Labelling | Mapping[str, tuple[str, ...]] | None) -> Labelling:
    if isinstance(task, str):
        return labelling_of(task)
    if isinstance(task, Mapping):
        return several(task)
    return task or Classes({})


def _carve_missing(
    rows: Rows, val_fraction: float, test_fraction: float, seed: int, labelling: Labelling
) -> list[str]:
    """Carve what is missing from ``rows["train"]``, in place; lines that say so."""
    fractions: dict[str, float] = {}
    left = 1.0
    if not rows.get("val") and not rows.get("test"):
        fractions["test"] = test_fraction
        left -= test_fraction
    if not rows.get("val"):
        fractions["val"] = val_fraction / left
    for role, fraction in fractions.items():
        rows["train"], rows[role] = carve(rows["train"], fraction, seed, labelling.stratum)
        if fraction > 0 and not rows[role]:
            raise LabelProblem(
                f"There are too few different examples to hold out a {role} split.",
                hint="Add examples; each class needs two that differ, at the least.",
            )
    carved = [role for role in ("val", "test") if role in fractions and rows[role]]
    if not carved:
        return []
    verb = "is" if len(carved) == 1 else "are"
    how = "stratified" if any(labelling.stratum(row.label) for row in rows["train"]) else "drawn"
    return [f"{' and '.join(carved)} {verb} carved from the data: {how}, seed {seed}"]


def _caution(name: str) -> tuple[str, ...]:
    """A line about rows that a model may have been fitted on."""
    if name != UNSPLIT and role_of(name) != "train":
        return ()
    what = "all rows are" if name == UNSPLIT else "the training split is"
    return (f"{what} evaluated; a model fitted on them has seen the answers",)


def _split(rows: Sequence[Row]) -> Split:
    return Split(Values([row.input for row in rows]), [row.label for row in rows])
