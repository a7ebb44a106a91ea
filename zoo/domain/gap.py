"""``zoo.gap``: how far the data a model will meet lies from the data it is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo import registry
from zoo.data.dataset import Dataset
from zoo.domain import twosample
from zoo.domain.classes import ClassShift, class_shifts, label_shift, matched
from zoo.domain.record import Gap
from zoo.domain.sides import FEWEST, Side, require_rows, side_of, some, without_shared
from zoo.domain.twosample import Test
from zoo.errors import ContractViolation, DataError
from zoo.model import Backbone, load_backbone
from zoo.progress import Progress, default
from zoo.ranking.features import frozen

_ALIKE = 4  # rows of each label on average, of which fewer are no classes
ROWS = 500  # of each set: the tests take products of all pairs

Array = NDArray[np.float64]


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
    return _compared(base.spec.name, (first, second), (features[0], features[1]), shared, seed)


def _compared(
    backbone: str, sides: tuple[Side, Side], features: tuple[Array, Array], shared: int, seed: int
) -> Gap:
    source, target = twosample.standardised(*features)
    if not source.shape[1]:
        raise DataError(f"{backbone} gives the same features for every row of both sets.")
    labels = _classes(sides[0])
    of_source, of_target = (_positions(side.labels, labels) for side in sides)
    shift = within = None
    if of_source is not None and len(labels) > 1:
        known = of_target is not None and (of_target >= 0).any()
        shift = label_shift(source, target, of_source, of_target if known else None, labels, seed)
        shares = shift.estimated if shift.actual is None else shift.actual
        within = _tests_within(source, target, of_source, of_target, shares, seed)
    classifier, mmd = _tests(source, target, seed)
    plane, explained = _plane(source, target)
    shifts: tuple[ClassShift, ...] = ()
    if of_source is not None and of_target is not None:
        shifts = class_shifts(source, target, of_source, of_target, labels, seed)
    return Gap(
        backbone=backbone,
        source=sides[0].name,
        target=sides[1].name,
        rows={"source": len(source), "target": len(target)},
        classifier=classifier,
        a_distance=twosample.a_distance(classifier.statistic),
        mmd=mmd,
        within=within,
        label_shift=shift,
        classes=shifts,
        unknown=tuple(sorted(set(sides[1].labels or ()) - set(labels))) if labels else (),
        shared=shared,
        plane=plane,
        explained=explained,
    )


def _tests(source: Array, target: Array, seed: int) -> tuple[Test, Test]:
    """The classifier's on as many rows of each, the other's on all."""
    count = min(len(source), len(target))
    draw = np.random.default_rng((seed, 6))
    few = [x[np.sort(draw.permutation(len(x))[:count])] for x in (source, target)]
    kernel = twosample.mixture(np.concatenate([source, target]))
    return (
        twosample.classifier_test(few[0], few[1], seed),
        twosample.mmd_test(kernel, len(source), seed),
    )


def _tests_within(
    source: Array,
    target: Array,
    of_source: NDArray[np.int64],
    of_target: NDArray[np.int64] | None,
    shares: Sequence[float],
    seed: int,
) -> tuple[Test, Test] | None:
    """The tests on source rows in the target's proportions; ``None`` where too few are left."""
    picked = matched(of_source, shares, seed)
    known = target if of_target is None else target[of_target >= 0]
    if min(len(picked), len(known)) < FEWEST:
        return None
    return _tests(source[picked], known, seed)


def _plane(source: Array, target: Array) -> tuple[dict[str, Array], tuple[float, float]]:
    both = np.concatenate([source, target])
    both = both - both.mean(axis=0)
    values, vectors = np.linalg.eigh(both @ both.T)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    points = vectors[:, :2] * np.sqrt(values[:2])
    if points.shape[1] < 2:  # features of one dimension
        points = np.column_stack([points, np.zeros(len(points))])
    shares = [*(values[:2] / max(float(values.sum()), 1e-12)), 0.0]
    plane = {"source": points[: len(source)], "target": points[len(source) :]}
    return plane, (float(shares[0]), float(shares[1]))


def _classes(source: Side) -> list[str]:
    """Its labels, where they are classes: of numbers hardly any two are alike."""
    found = sorted(set(source.labels or ()))
    return found if len(found) * _ALIKE <= len(source.inputs) else []


def _positions(given: Sequence[str] | None, labels: Sequence[str]) -> NDArray[np.int64] | None:
    if given is None or not labels:
        return None
    at = {label: position for position, label in enumerate(labels)}
    return np.array([at.get(label, -1) for label in given], dtype=np.int64)


def _backbone(given: str | Backbone | None, modality: str) -> Backbone:
    if isinstance(given, Backbone):
        return given
    return load_backbone(given or registry.load().defaults.backbone_for(modality))
