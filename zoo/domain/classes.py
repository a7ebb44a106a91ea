"""How two data sets differ class by class: in their proportions, and within each class. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.domain.twosample import (
    ALARM,
    PERMUTATIONS,
    Test,
    chi_square_test,
    gram,
    held_out,
    mixture,
    mmd_test,
    ridge,
)

Array = NDArray[np.float64]
Classes = NDArray[np.int64]

_FEW = 8  # rows of a class in each set, below which nothing is said of it
_BOOTSTRAPS = 200
_INTERVAL = (2.5, 97.5)  # percent
_FLAT = 0.05  # singular values of the confusion below this share of the largest say nothing


@dataclass(frozen=True)
class ClassShift:
    """Whether the inputs of one class differ between the two sets.

    Attributes:
        label: of the class.
        source, target: its rows.
        test: squared MMD between them; ``None`` where there are too few.
    """

    label: str
    source: int
    target: int
    test: Test | None


@dataclass(frozen=True)
class LabelShift:
    """Whether classes have other proportions in the target.

    Attributes:
        labels: of the classes.
        source: their shares there.
        estimated: in the target, by what a classifier of the source says of it (BBSE).
        low, high: 95% interval of the estimates.
        actual: by the target's own labels, where it has any.
        test: of the proportions: of labels where both have them, else of predictions.
    """

    labels: tuple[str, ...]
    source: tuple[float, ...]
    estimated: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    actual: tuple[float, ...] | None
    test: Test


def class_shifts(
    source: Array,
    target: Array,
    of_source: Classes,
    of_target: Classes,
    labels: Sequence[str],
    seed: int,
) -> tuple[ClassShift, ...]:
    """One for each class of the source.

    The more classes are tested, the smaller is the p-value that counts, and the more permutations it
    takes to find one.
    """
    rows = [(source[of_source == at], target[of_target == at]) for at in range(len(labels))]
    tested = sum(min(len(mine), len(theirs)) >= _FEW for mine, theirs in rows)
    permutations = max(PERMUTATIONS, round(2 * tested / ALARM))
    found = []
    for label, (mine, theirs) in zip(labels, rows, strict=True):
        test = None
        if min(len(mine), len(theirs)) >= _FEW:
            kernel = mixture(np.concatenate([mine, theirs]))
            test = mmd_test(kernel, len(mine), seed, permutations)
        found.append(ClassShift(label, len(mine), len(theirs), test))
    return tuple(found)


def label_shift(
    source: Array,
    target: Array,
    of_source: Classes,
    of_target: Classes | None,
    labels: Sequence[str],
    seed: int,
) -> LabelShift:
    """Proportions of the source's classes in the target, by black box shift estimation.

    Lipton et al. 2018, arXiv:1802.03916: with the joint C of predictions and labels on held-out source
    rows and the distribution μ of predictions on the target, the ratio of proportions is C⁻¹ μ. It
    holds where inputs within each class are alike in both sets.

    Args:
        source, target: features, ``[rows, size]``.
        of_source: positions in ``labels``.
        of_target: the same, -1 for a class the source lacks; ``None`` where it is not labelled.
        labels: of the source.
        seed: draws folds, permutations and bootstraps.
    """
    classes = len(labels)
    signs = np.where(of_source[:, None] == np.arange(classes), 1.0, -1.0)
    kernel = gram(source, source)
    guessed = (held_out(kernel, seed) @ signs).argmax(axis=1)
    told = (gram(target, source) @ (ridge(kernel) @ signs)).argmax(axis=1)
    draw = np.random.default_rng((seed, 4))
    estimates = [_estimated(guessed, of_source, told, classes)]
    for _ in range(_BOOTSTRAPS):
        mine = draw.integers(len(guessed), size=len(guessed))
        theirs = draw.integers(len(told), size=len(told))
        estimates.append(_estimated(guessed[mine], of_source[mine], told[theirs], classes))
    low, high = np.percentile(estimates[1:], _INTERVAL, axis=0)
    known = None if of_target is None else of_target[of_target >= 0]
    test = (
        chi_square_test(guessed, told, seed)
        if known is None
        else chi_square_test(of_source, known, seed)
    )
    return LabelShift(
        labels=tuple(labels),
        source=_shares(of_source, classes),
        estimated=tuple(map(float, estimates[0])),
        low=tuple(map(float, low)),
        high=tuple(map(float, high)),
        actual=None if known is None else _shares(known, classes),
        test=test,
    )


def _estimated(guessed: Classes, actual: Classes, told: Classes, classes: int) -> Array:
    joint = np.zeros((classes, classes))
    np.add.at(joint, (guessed, actual), 1 / len(actual))
    found = np.bincount(told, minlength=classes) / len(told)
    ratio = np.linalg.pinv(joint, rcond=_FLAT) @ found
    shares = np.maximum(ratio, 0) * joint.sum(axis=0)
    total = float(shares.sum())
    # Nothing is known of classes that no source row was taken for; then what is told has to do.
    return np.asarray(shares / total) if total > 1e-12 else found


def _shares(classes: Classes, count: int) -> tuple[float, ...]:
    return tuple(map(float, np.bincount(classes, minlength=count) / max(len(classes), 1)))


def matched(classes: Classes, shares: Sequence[float], seed: int) -> NDArray[np.int64]:
    """Positions of rows that have the wanted shares of classes, as many as there can be."""
    counts = np.bincount(classes, minlength=len(shares))
    wanted = np.asarray(shares)
    asked = wanted > 1e-9
    most = float(np.min(counts[asked] / wanted[asked]))
    draw = np.random.default_rng((seed, 5))
    picked = [
        draw.permutation(np.flatnonzero(classes == position))[: round(most * share)]
        for position, share in enumerate(shares)
    ]
    return np.sort(np.concatenate(picked))
