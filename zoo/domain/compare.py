"""Two sets of features compared: by all tests, classes and proportions. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zoo.domain import twosample
from zoo.domain.classes import ClassShift, class_shifts, label_shift, matched
from zoo.domain.record import Gap
from zoo.domain.twosample import Test
from zoo.errors import DataError

FEWEST = 20  # of each set; a permutation test of fewer has no power
_ALIKE = 4  # rows of each label on average, of which fewer are no classes

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Featured:
    """One of the two sets: its name, its features ``[rows, size]``, its labels where it has any."""

    name: str
    features: Array = field(repr=False)
    labels: Sequence[str] | None = field(default=None, repr=False)


def compared(
    backbone: str,
    first: Featured,
    second: Featured,
    *,
    shared: int = 0,
    every_class: bool = True,
    seed: int = 0,
) -> Gap:
    """The target against the source.

    Args:
        backbone: whose features these are.
        first: the source.
        second: the target.
        shared: target inputs that are in the source too and were left out.
        every_class: also test each class by itself, which costs most.
        seed: draws folds, permutations and bootstraps.

    Raises:
        DataError: too few rows, or nothing varies.
    """
    if min(len(first.features), len(second.features)) < FEWEST:
        raise DataError(f"A comparison needs at least {FEWEST} rows of each set.")
    source, target = twosample.standardised(first.features, second.features)
    if not source.shape[1]:
        raise DataError(f"{backbone} gives the same features for every row of both sets.")
    labels = _classes(first)
    of_source, of_target = (_positions(side.labels, labels) for side in (first, second))
    shift = within = None
    if of_source is not None and len(labels) > 1:
        known = of_target is not None and (of_target >= 0).any()
        shift = label_shift(source, target, of_source, of_target if known else None, labels, seed)
        shares = shift.estimated if shift.actual is None else shift.actual
        within = _tests_within(source, target, of_source, of_target, shares, seed)
    classifier, mmd = _tests(source, target, seed)
    plane, explained = _plane(source, target)
    shifts: tuple[ClassShift, ...] = ()
    if every_class and of_source is not None and of_target is not None:
        shifts = class_shifts(source, target, of_source, of_target, labels, seed)
    return Gap(
        backbone=backbone,
        source=first.name,
        target=second.name,
        rows={"source": len(source), "target": len(target)},
        classifier=classifier,
        a_distance=twosample.a_distance(classifier.statistic),
        mmd=mmd,
        within=within,
        label_shift=shift,
        classes=shifts,
        unknown=tuple(sorted(set(second.labels or ()) - set(labels))) if labels else (),
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


def _classes(source: Featured) -> list[str]:
    """Its labels, where they are classes: of numbers hardly any two are alike."""
    found = sorted(set(source.labels or ()))
    return found if len(found) * _ALIKE <= len(source.features) else []


def _positions(given: Sequence[str] | None, labels: Sequence[str]) -> NDArray[np.int64] | None:
    if given is None or not labels:
        return None
    at = {label: position for position, label in enumerate(labels)}
    return np.array([at.get(label, -1) for label in given], dtype=np.int64)
