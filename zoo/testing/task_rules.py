"""Rules for what an artifact keeps of a task and what trains it; and all rules for tasks in order."""

from __future__ import annotations

import json
import math
from typing import Any

import torch

from zoo.errors import BadSetting, Incompatible
from zoo.model import ComposedModel, make_adapter
from zoo.testing import computing
from zoo.testing.answer_rules import (
    confusion_counts_every_row,
    decodes_every_row,
    decoding_agrees_with_targets,
    majority_has_the_right_shape,
    metrics_stand_few_rows,
    metrics_tell_good_from_bad,
    temperature_leaves_answers,
)
from zoo.testing.label_rules import (
    fitted,
    head_has_the_right_shape,
    loss_can_be_trained_on,
    makes_a_task,
    situation,
    targets_have_one_row_a_label,
    unknown_labels_are_refused,
)
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.rule import Broken, NotApplicable, Rule, require, rule
from zoo.testing.subjects import TaskSubject, reference_backbones, samples_of


@rule(
    "Made again from labels, settings and state, with the head's tensors, it answers as before.",
    needs=[decodes_every_row, loss_can_be_trained_on],
)
def state_round_trips(subject: TaskSubject) -> None:
    """An artifact holds nothing else of a task."""
    task, features, targets, _ = situation(subject)
    head = fitted(task, features, task.units(targets))
    task.tune(task.by_row(head(features).detach(), targets), targets)
    other = subject.fresh()
    other_head = other.head(subject.feature_size).eval()
    other_head.load_state_dict(head.state_dict())
    try:
        other.restore(json.loads(json.dumps(task.state)))
    except (TypeError, ValueError, BadSetting) as err:
        raise Broken(f"its state cannot be kept: {err}") from err
    ours = task.by_row(head(features).detach(), targets)
    theirs = other.by_row(other_head(features).detach(), targets)
    require(torch.equal(ours, theirs), "the head's logits are others: it keeps something elsewhere")
    require(
        [p.as_dict() for p in task.decode(ours)] == [p.as_dict() for p in other.decode(theirs)],
        "decoding depends on what prepare() or tune() saw, and state does not hold it",
    )
    require(
        task.metrics(ours, targets) == other.metrics(theirs, targets),
        "metrics depend on what prepare() or tune() saw, and state does not hold it",
    )


@rule("State that is not its own is refused.", needs=[state_round_trips])
def foreign_state_is_refused(subject: TaskSubject) -> None:
    """Manifests come from strangers."""
    count = len(subject.fresh().labels)
    wrong = ([math.nan] * count, [0.0] * (count + 1))
    kept = [{name: values} for name in _kept(subject) for values in wrong]
    for state in ({"of another": [0.0]}, *kept):
        try:
            subject.fresh().restore(state)
        except BadSetting:
            continue
        raise Broken(f"restore() takes {state}")


@rule("Every adapter tried trains it, or says why it cannot.", needs=[loss_can_be_trained_on])
def every_adapter_trains_it(subject: TaskSubject) -> str:
    """On a reference backbone of a modality that it takes."""
    held, refusals = [], []
    for load in reference_backbones().values():
        modalities = subject.spec.modalities
        if modalities and load().contract.modality not in modalities:
            continue
        for name in subject.adapters:
            try:
                model = ComposedModel(load(), make_adapter(name), [subject.fresh()])
                computing.learn(model, samples_of(model.backbone), subject.rows)
                held.append(name)
            except Incompatible as err:
                refusals.append(f"{name} cannot: {err.message}")
            except Exception as err:
                raise Broken(f"{name}: {type(err).__name__}: {err}") from err
    if not held:
        raise NotApplicable("; ".join(refusals) or "no adapter, or no backbone of its modality")
    return ", ".join(dict.fromkeys(held))


def _kept(subject: TaskSubject) -> tuple[str, ...]:
    return subject.fresh().remembers


TASK_RULES: tuple[Rule[Any], ...] = (
    spec_is_well_formed,
    hooks_import_nothing_heavy,
    makes_a_task,
    targets_have_one_row_a_label,
    unknown_labels_are_refused,
    head_has_the_right_shape,
    loss_can_be_trained_on,
    metrics_tell_good_from_bad,
    majority_has_the_right_shape,
    metrics_stand_few_rows,
    temperature_leaves_answers,
    decodes_every_row,
    decoding_agrees_with_targets,
    confusion_counts_every_row,
    state_round_trips,
    foreign_state_is_refused,
    every_adapter_trains_it,
)
