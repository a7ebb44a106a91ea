"""Rules for validators: scores of states that are known to be good or bad."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from zoo.plugin import JudgeProblem
from zoo.testing.methods import ValidatorSubject
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.rule import Rule, require, rule

_ROWS, _CLASSES = 60, 3


@rule("It is made from its settings.", needs=[spec_is_well_formed])
def makes_a_validator(subject: ValidatorSubject) -> None:
    """With its defaults, too: a fit knows no others."""
    subject.fresh()


@rule("It gives one finite number.", needs=[makes_a_validator])
def gives_a_finite_number(subject: ValidatorSubject) -> None:
    """For answers of any sureness, for two classes, and for rows that are all answered alike."""
    cases = {
        "answers": judged(2.0),
        "answers that are wholly sure": judged(1e4),
        "answers that say nothing": judged(0.0),
        "two classes": _of_two_classes(judged(2.0)),
        "rows all answered alike": replace(judged(2.0), logits=torch.ones(_ROWS, _CLASSES)),
    }
    for words, problem in cases.items():
        found = subject.one.score(problem)
        require(
            isinstance(found, float) and math.isfinite(found),
            f"scores {found!r} for {words}, where it should be a finite float",
        )


@rule("A model that tells classes gets more than one that guesses.", needs=[gives_a_finite_number])
def good_beats_bad(subject: ValidatorSubject) -> None:
    """Higher is better.

    The good one is sure, right on the source, and uses all classes; the bad one has an answer of its
    own for every row, none of them sure.
    """
    bad, good = subject.one.score(judged(0.0, noise=1.0)), subject.one.score(judged(6.0))
    require(
        good > bad,
        f"scores {good:.4g} for a model that tells the classes and {bad:.4g} for one that guesses; "
        "higher is better",
    )


@rule(
    "Asked again it says the same, and leaves the problem as it was.", needs=[gives_a_finite_number]
)
def repeats_itself(subject: ValidatorSubject) -> None:
    """Candidates are compared by it, and resumed fits have to choose the same."""
    problem = judged(2.0)
    first, again = subject.one.score(problem), subject.fresh().score(judged(2.0))
    require(first == again, f"says {first!r} and then {again!r} of one problem")
    for name in ("logits", "source_logits", "source_targets"):
        same = torch.equal(getattr(problem, name), getattr(judged(2.0), name))
        require(same, f"changes the problem's {name}")


@rule("The order of rows decides nothing.", needs=[gives_a_finite_number])
def order_decides_nothing(subject: ValidatorSubject) -> None:
    """But for rounding."""
    problem = judged(2.0)
    first = subject.one.score(problem)
    turned = subject.one.score(
        JudgeProblem(
            logits=problem.logits.flip(0),
            source_logits=problem.source_logits.flip(0),
            source_targets=problem.source_targets.flip(0),
            source_risk=problem.source_risk,
        )
    )
    require(
        math.isclose(first, turned, rel_tol=1e-4, abs_tol=1e-6),
        f"says {first:.6g}, and {turned:.6g} with the rows turned round",
    )


def judged(signal: float, noise: float = 0.1) -> JudgeProblem:
    """A state whose logits are noise and ``signal`` times the truth, in both domains."""
    draw = torch.Generator().manual_seed(4)
    classes = torch.arange(_ROWS) % _CLASSES
    shown = signal * torch.eye(_CLASSES)[classes]
    target, source = (
        shown + noise * torch.randn(_ROWS, _CLASSES, generator=draw) for _ in range(2)
    )
    risk = float(torch.nn.functional.cross_entropy(source, classes))
    return JudgeProblem(target, source, classes, source_risk=risk)


def _of_two_classes(problem: JudgeProblem) -> JudgeProblem:
    return JudgeProblem(
        problem.logits[:, :2],
        problem.source_logits[:, :2],
        problem.source_targets.clamp_max(1),
        problem.source_risk,
    )


VALIDATOR_RULES: tuple[Rule[ValidatorSubject], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    makes_a_validator,
    gives_a_finite_number,
    good_beats_bad,
    repeats_itself,
    order_decides_nothing,
)
