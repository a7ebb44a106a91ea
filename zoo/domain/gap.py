"""``zoo.gap``: how far the data a model will meet lies from the data it is trained on."""

from __future__ import annotations

from pathlib import Path

from zoo import registry
from zoo.data.dataset import Dataset
from zoo.domain.compare import Featured, compared
from zoo.domain.record import Gap
from zoo.domain.sides import Side, require_rows, side_of, some, without_shared
from zoo.errors import ContractViolation
from zoo.model import Backbone, load_backbone
from zoo.progress import Progress, default
from zoo.ranking.features import frozen

ROWS = 500  # of each set: the tests take products of all pairs


def gap(
    source: Side | Dataset | str | Path,
    target: Side | Dataset | str | Path,
    backbone: str | Backbone | None = None,
    *,
    rows: int = ROWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Gap:
    """Compare two sets in the features of a frozen backbone.

    Args:
        source: what a model is trained on: of a data set with splits its training rows.
        target: what it will meet: of a data set with splits its test rows, else its validation rows.
        backbone: a name, or a loaded one; by default the registry's for such data.
        rows: at most so many of each set.
        seed: draws rows, folds and permutations.
        progress: whom to tell; by default bars where stderr is a terminal.

    Raises:
        ContractViolation: the two are of different modalities, or the backbone takes another.
        DataError: too few rows, or most of the target is in the source.
    """
    first, second = side_of(source, "train"), side_of(target, "test")
    if first.modality != second.modality:
        raise ContractViolation(
            f"{first.name} is {first.modality} data and {second.name} {second.modality} data.",
            hint="Compare two sets of one kind.",
        )
    second, shared = without_shared(first, second)
    for side in (first, second):
        require_rows(side)
    first, second = some(first, rows, seed), some(second, rows, seed + 1)
    base = _backbone(backbone, first.modality)
    told = progress or default()
    features = [
        frozen(base, side.inputs, modality=side.modality, convert=side.convert, progress=told)
        .double()
        .numpy()
        for side in (first, second)
    ]
    sets = [
        Featured(side.name, rows, side.labels)
        for side, rows in zip((first, second), features, strict=True)
    ]
    return compared(base.spec.name, sets[0], sets[1], shared=shared, seed=seed)


def _backbone(given: str | Backbone | None, modality: str) -> Backbone:
    if isinstance(given, Backbone):
        return given
    return load_backbone(given or registry.load().defaults.backbone_for(modality))
