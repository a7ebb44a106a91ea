"""Rules for alignments: what they add to the loss of one step, on domains that lie apart or not."""

from __future__ import annotations

from dataclasses import replace

import torch

from zoo.plugin import Alignment, AlignStep
from zoo.specs import check_settings
from zoo.testing.methods import AlignmentSubject
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.rule import NotApplicable, Rule, require, rule
from zoo.testing.subjects import seeded
from zoo.training.config import FitConfig

_ROWS, _SIZE, _CLASSES = 24, 8, 3


@rule("It is made from its settings, and so is every candidate.", needs=[spec_is_well_formed])
def makes_an_alignment(subject: AlignmentSubject) -> None:
    """Its tries are settings of its own, and its training options those of a fit."""
    subject.fresh()
    FitConfig.resolve(subject.spec.training, {})
    for each in subject.spec.tries:
        check_settings(subject.spec.name, subject.spec.settings, {**subject.settings, **each})


@rule("What it adds to the loss is one finite number, or nothing.", needs=[makes_an_alignment])
def adds_a_finite_number(subject: AlignmentSubject) -> None:
    """At the start, in the middle and at the end; for batches of unlike size, and for rows alike."""
    step = planted()
    alike = torch.ones_like(step.target_features)
    cases = {
        "": step,
        " of fewer target rows": replace(
            step, target_features=step.target_features[:5], target_logits=step.target_logits[:5]
        ),
        " of target rows that are all the same": replace(step, target_features=alike),
    }
    for words, given in cases.items():
        for progress in (0.0, 0.5, 1.0):
            found = _loss(subject, replace(given, progress=progress))
            if found is not None:
                require(
                    found.ndim == 0 and bool(found.isfinite()),
                    f"adds {found.tolist()} for a batch{words}, where it should be a finite scalar",
                )


@rule("It moves the model: a gradient reaches what the model gives.", needs=[adds_a_finite_number])
def reaches_the_model(subject: AlignmentSubject) -> None:
    """The target's features or logits at least; else there is nothing to train for the target."""
    if subject.one.settles_norms:
        raise NotApplicable("it settles batch norms, and adds nothing to the loss")
    step = planted()
    given = [step.target_features.requires_grad_(), step.target_logits.requires_grad_()]
    found = _loss(subject, replace(step, progress=0.75))
    require(found is not None, "adds nothing to the loss after three quarters of the steps")
    assert found is not None  # the rule said so
    found.backward()
    gradients = [rows.grad for rows in given if rows.grad is not None]
    require(
        any(bool(gradient.abs().sum() > 0) for gradient in gradients),
        "gives neither the target's features nor its logits a gradient",
    )
    require(all(bool(each.isfinite().all()) for each in gradients), "gives a gradient of no number")


@rule(
    "Drawn with one seed it says the same, and leaves the step as it was.",
    needs=[adds_a_finite_number],
)
def repeats_itself(subject: AlignmentSubject) -> None:
    """A fit that goes on from a checkpoint has to end at the same weights."""
    step, kept = planted(), planted()
    first, again = _loss(subject, step), _loss(subject, kept)
    told = [None if found is None else float(found.detach()) for found in (first, again)]
    require(told[0] == told[1], f"says {told[0]} and then {told[1]} of one step")
    for name in ("source_features", "target_features", "source_logits", "target_logits"):
        same = torch.equal(getattr(step, name), getattr(planted(), name))
        require(same, f"changes the step's {name}")


def planted() -> AlignStep:
    """A step whose domains lie apart, with classes that can be told in both."""
    draw = torch.Generator().manual_seed(3)
    classes = torch.arange(_ROWS) % _CLASSES
    shown = torch.eye(_CLASSES)[classes]
    features = [torch.randn(_ROWS, _SIZE, generator=draw) for _ in range(2)]
    features[1] = 2 * features[1] + 1
    logits = [2 * shown + torch.randn(_ROWS, _CLASSES, generator=draw) for _ in range(2)]
    return AlignStep(features[0], features[1], logits[0], logits[1], classes, progress=0.5)


def _loss(subject: AlignmentSubject, step: AlignStep) -> torch.Tensor | None:
    """Of a new alignment, in a training that has just begun."""
    with seeded():
        alignment: Alignment = subject.fresh()
        alignment.begin(_SIZE, _CLASSES)
        found: torch.Tensor | None = alignment.loss(step)
    return found


ALIGNMENT_RULES: tuple[Rule[AlignmentSubject], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    makes_an_alignment,
    adds_a_finite_number,
    reaches_the_model,
    repeats_itself,
)
