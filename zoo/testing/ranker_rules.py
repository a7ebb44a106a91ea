"""Rules for rankers: estimates on planted features, whose order is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from zoo.ranking.ranker import Kind, RankProblem
from zoo.testing.methods import RankerSubject
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.rule import Rule, require, rule

_ROWS, _SIZE, _CLASSES = 120, 16, 3


@rule("It is made from its settings, and says which targets it takes.", needs=[spec_is_well_formed])
def makes_a_ranker(subject: RankerSubject) -> None:
    """What it takes is what the host asks before it asks anything else."""
    takes = set(subject.fresh().takes)
    known = {"classes", "marks", "numbers"}
    require(takes, "takes is empty: it can estimate for nothing")
    require(takes <= known, f"takes has {', '.join(sorted(takes - known))}, which no task has")


@rule("Of every kind it takes it gives one finite number.", needs=[makes_a_ranker])
def gives_a_finite_number(subject: RankerSubject) -> None:
    """Infinities and NaN cannot be ordered."""
    for kind in sorted(subject.one.takes):
        for signal in (0.0, 1.0):
            found = subject.one.estimate(planted(kind, signal))
            require(
                isinstance(found, float) and math.isfinite(found),
                f"estimates {found!r} for {kind}, where it should be a finite float",
            )


@rule("Features that tell the targets get more than noise.", needs=[gives_a_finite_number])
def signal_beats_noise(subject: RankerSubject) -> None:
    """Higher is better."""
    for kind in sorted(subject.one.takes):
        least, most = (subject.one.estimate(planted(kind, signal)) for signal in (0.0, 3.0))
        require(
            most > least,
            f"gives {least:.4g} for noise and {most:.4g} for features that tell {kind}; higher is "
            "better",
        )


@rule(
    "Asked again it says the same, and leaves the problem as it was.", needs=[gives_a_finite_number]
)
def repeats_itself(subject: RankerSubject) -> None:
    """What is random is drawn with the problem's seed."""
    for kind in sorted(subject.one.takes):
        problem, kept = planted(kind, 1.0), planted(kind, 1.0)
        first = subject.one.estimate(problem)
        same = np.array_equal(problem.features, kept.features) and np.array_equal(
            problem.targets, kept.targets, equal_nan=kind != "classes"
        )
        require(same, "changes the features or targets that it was given")
        again = subject.fresh().estimate(problem)
        require(first == again, f"says {first!r} and then {again!r} of one problem")


@rule(
    "The order of rows and the names of classes decide nothing.",
    needs=[signal_beats_noise, repeats_itself],
)
def order_decides_nothing(subject: RankerSubject) -> None:
    """Folds and neighbours may be drawn otherwise, so the estimate may move a little."""
    problem = planted(sorted(subject.one.takes)[0], 3.0)
    noise = subject.one.estimate(planted(problem.kind, 0.0))
    first = subject.one.estimate(problem)
    turned = subject.one.estimate(problem.rows(np.arange(len(problem))[::-1]))
    moved = abs(first - turned)
    require(
        moved <= 0.2 * abs(first - noise),
        f"says {first:.4g}, and {turned:.4g} with the rows turned round",
    )
    if problem.kind == "classes":
        renamed = replace(problem, targets=(problem.targets + 1) % _CLASSES + 4)
        other = subject.one.estimate(renamed)
        require(
            abs(first - other) <= 0.2 * abs(first - noise),
            f"says {first:.4g}, and {other:.4g} with the classes named otherwise",
        )


@rule("Missing targets, and more features than rows, are borne.", needs=[gives_a_finite_number])
def bears_gaps_and_wide_features(subject: RankerSubject) -> None:
    """Tables have gaps; most backbones give more features than there are rows."""
    for kind in sorted(subject.one.takes):
        wide = planted(kind, 1.0, size=4 * _ROWS)
        require(math.isfinite(subject.one.estimate(wide)), f"fails on wide features for {kind}")
        if kind != "classes":
            gaps = planted(kind, 1.0)
            targets = gaps.targets.copy()
            targets[::7, 0] = np.nan
            found = subject.one.estimate(replace(gaps, targets=targets))
            require(math.isfinite(found), f"estimates {found} for {kind} with gaps")


def planted(kind: Kind, signal: float, *, size: int = _SIZE) -> RankProblem:
    """A problem whose features are noise and ``signal`` times what tells the targets."""
    draw = np.random.default_rng(5)
    features = draw.normal(size=(_ROWS, size))
    classes = draw.integers(_CLASSES, size=_ROWS)
    marks = draw.integers(2, size=(_ROWS, 2)).astype(np.float64)
    numbers = draw.normal(size=(_ROWS, 2))
    shown = {"classes": np.eye(_CLASSES)[classes], "marks": marks, "numbers": numbers}[kind]
    targets = {"classes": classes, "marks": marks, "numbers": numbers}[kind]
    features[:, : shown.shape[1]] += signal * shown
    source = None
    if kind != "numbers":
        logits = features[:, :_CLASSES]
        source = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return RankProblem(features, targets, kind, source, seed=0)


RANKER_RULES: tuple[Rule[RankerSubject], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    makes_a_ranker,
    gives_a_finite_number,
    signal_beats_noise,
    repeats_itself,
    order_decides_nothing,
    bears_gaps_and_wide_features,
)
