"""The two data sets that are compared: what of them is, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.data.dataset import Dataset, EvaluationSplit, Split
from zoo.data.load import load_for_evaluation
from zoo.data.recognise import recognise
from zoo.data.roles import role_of
from zoo.data.rows import Input
from zoo.data.sameness import digest
from zoo.domain.compare import FEWEST
from zoo.errors import DataError
from zoo.ranking.sample import chosen


@dataclass(frozen=True)
class Side:
    """One of the two sets.

    Attributes:
        name: for people.
        inputs: texts, or paths of images.
        modality: ``"image"``, ``"text"``, …
        labels: one an input; ``None`` where there are none.
        convert: whether images of other modes are converted.
    """

    name: str
    inputs: Sequence[Input]
    modality: str
    labels: Sequence[str] | None = None
    convert: bool = False


def side_of(given: Side | Dataset | str | Path, role: str) -> Side:
    """What is meant by a data set or a path; of several splits that of ``role``."""
    if isinstance(given, Side):
        return given
    if isinstance(given, (str, Path)):
        split = part_of(Path(given), role)
        return _of_split(Path(given).name or str(given), split, split.modality, split.convert)
    roles = ("train",) if role == "train" else ("test", "val", "train")
    found = next(r for r in roles if r in given.splits)
    return _of_split(found, given.splits[found], given.modality, given.convert)


def part_of(path: Path, role: str, split: str | None = None, **reading: Any) -> EvaluationSplit:
    """The part of some data that is compared: ``split``, else that of ``role``, else the usual one.

    Args:
        path: folder or file.
        role: ``"train"`` or ``"test"``.
        split: by role or by the data's own name.
        **reading: as for :func:`zoo.data.load.load_for_evaluation`.
    """
    if split is None and role == "train":
        names = recognise(path.expanduser()).names
        split = next((name for name in names if role_of(name) == "train"), None)
    return load_for_evaluation(path, split=split, **reading)


def _of_split(name: str, split: Split, modality: str, convert: bool) -> Side:
    return Side(name, split.inputs, modality, split.labels, convert)


def without_shared(source: Side, target: Side) -> tuple[Side, int]:
    """The target without inputs that are also in the source, and how many these are.

    Raises:
        DataError: they are more than half of it.
    """
    seen = {digest(each) for each in source.inputs}
    new = [at for at, each in enumerate(target.inputs) if digest(each) not in seen]
    shared = len(target.inputs) - len(new)
    if shared * 2 > len(target.inputs):
        raise DataError(
            f"{shared} of {len(target.inputs)} inputs of {target.name} are also in {source.name}: "
            "these are the same files, and would show no gap.",
            hint="Give a target that the model is not trained on.",
        )
    return _picked(target, new), shared


def require_rows(side: Side) -> None:
    """Refuse a set that is too small; raises :class:`DataError`."""
    if len(side.inputs) < FEWEST:
        raise DataError(
            f"{side.name} has {len(side.inputs)} inputs to compare, which are too few to tell a gap "
            "from chance.",
            hint=f"Give at least {FEWEST} that are not in the other set; a hundred tell more.",
        )


def some(side: Side, rows: int, seed: int) -> Side:
    """At most so many of its rows, of each label its share."""
    strata = side.labels if side.labels is not None else [""] * len(side.inputs)
    return _picked(side, chosen(strata, rows, seed))


def _picked(side: Side, at: Sequence[int]) -> Side:
    labels = None if side.labels is None else [side.labels[each] for each in at]
    inputs = [side.inputs[each] for each in at]
    return Side(side.name, inputs, side.modality, labels, side.convert)
