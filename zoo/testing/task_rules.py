"""Rules for tasks."""

from __future__ import annotations

import json
import math
from typing import Any

import torch
from torch import Tensor, nn

from zoo.errors import BadSetting, Incompatible, LabelProblem
from zoo.model import ComposedModel, Prediction, Task, make_adapter
from zoo.testing import computing
from zoo.testing.plugin_rules import hooks_import_nothing_heavy, spec_is_well_formed
from zoo.testing.rule import Broken, NotApplicable, Rule, require, rule
from zoo.testing.subjects import TaskSubject, reference_backbones, samples_of, seeded

_UNKNOWN = "zoo-testing: no label of anybody"
_FIT_STEPS = 200


@rule("Its loader makes a task that keeps its labels, settings and name.")
def makes_a_task(subject: TaskSubject) -> None:
    """What it was made with is what the manifest will say."""
    task = subject.fresh()
    require(task.labels == tuple(subject.labels), f"its labels became {task.labels}")
    kept = {name: task.settings.get(name) for name in subject.settings}
    require(kept == subject.settings, f"made with {subject.settings}, it has {kept}")
    require(task.name == subject.spec.name, f"its name became {task.name!r}")


@rule("Targets are a tensor with one row a label, the same each time.", needs=[makes_a_task])
def targets_have_one_row_a_label(subject: TaskSubject) -> None:
    """From labels as data gives them."""
    task = subject.fresh()
    first, again = task.targets(subject.rows), task.targets(subject.rows)
    require(isinstance(first, Tensor), f"targets() gives {type(first).__name__}")
    require(
        first.ndim > 0 and len(first) == len(subject.rows),
        f"{len(subject.rows)} labels give targets of shape {list(first.shape)}",
    )
    require(_same(first, again), "the same labels give other targets the second time")


@rule(
    "A label it does not know is refused with LabelProblem.", needs=[targets_have_one_row_a_label]
)
def unknown_labels_are_refused(subject: TaskSubject) -> None:
    """Data that differs from what was trained on is the commonest accident."""
    if subject.spec.language:
        raise NotApplicable("its labels are texts")
    try:
        subject.fresh().targets([*subject.rows, _UNKNOWN])
    except LabelProblem:
        return
    except Exception as err:
        raise Broken(f"it raises {type(err).__name__} instead: {err}") from err
    raise Broken("it makes a target of a label that nobody declared")


@rule(
    "The head maps features to logits, one row a row, with a bias only where asked.",
    needs=[makes_a_task],
)
def head_has_the_right_shape(subject: TaskSubject) -> None:
    """A base library's own classifier may have none."""
    task = subject.fresh()
    if subject.spec.language:
        raise NotApplicable("its head is the backbone's own language head")
    for bias in (True, False):
        head = task.head(subject.feature_size, bias=bias)
        logits = head(torch.randn(5, subject.feature_size))
        require(
            logits.ndim >= 2 and logits.shape[0] == 5,
            f"features [5, {subject.feature_size}] give logits {list(logits.shape)}",
        )
        frozen = [name for name, p in head.named_parameters() if not p.requires_grad]
        require(not frozen, f"the head's {frozen} cannot be trained")
        linear = [layer for layer in head.modules() if isinstance(layer, nn.Linear)]
        has = any(layer.bias is not None for layer in linear)
        require(bias or not has, "head(bias=False) has a bias all the same")


@rule(
    "The loss is one finite number with a gradient.",
    needs=[targets_have_one_row_a_label, head_has_the_right_shape],
)
def loss_can_be_trained_on(subject: TaskSubject) -> None:
    """At a new head."""
    task, _, targets, logits = _situation(subject)
    logits = logits.detach().requires_grad_()
    loss = task.loss(logits, task.units(targets))
    require(loss.ndim == 0, f"the loss has shape {list(loss.shape)}; it is a scalar")
    require(math.isfinite(float(loss.detach())), f"the loss is {float(loss.detach())}")
    require(loss.requires_grad, "the loss does not depend on the logits")
    loss.backward()
    gradient = logits.grad
    require(
        gradient is not None and bool(torch.isfinite(gradient).all()), "its gradient is no number"
    )
    require(gradient is not None and bool(gradient.any()), "its gradient is zero everywhere")


@rule(
    "A head trained on separable features beats the majority by its own metrics.",
    needs=[loss_can_be_trained_on],
)
def metrics_tell_good_from_bad(subject: TaskSubject) -> None:
    """``headline`` is higher and ``monitor`` lower for the better model, and all are numbers."""
    task, features, targets, _ = _situation(subject)
    units = task.units(targets)
    learnt = _fitted(task, features, units)(features).detach()
    good = _measured(task, learnt, targets)
    bad = _measured(task, task.majority(units, len(units)), targets)
    for name in (task.headline, task.monitor):
        require(name in good, f"metrics() lacks {name!r}; it has {', '.join(good)}")
    odd = [n for n, v in good.items() if not isinstance(v, float) or not math.isfinite(v)]
    require(not odd, f"{odd[0] if odd else ''} is not a finite float")
    up, down = task.headline, task.monitor
    guessed = bad.get(up, -math.inf)  # a guess may be of a kind for which it is not defined
    require(good[up] > guessed, f"{up} is {good[up]:.3g} when learnt, {guessed:.3g} when guessed")
    require(good[down] < bad[down], f"{down} is {good[down]:.3g} learnt, {bad[down]:.3g} guessed")


@rule(
    "The model that ignores its input gives logits of the right shape.",
    needs=[loss_can_be_trained_on],
)
def majority_has_the_right_shape(subject: TaskSubject) -> None:
    """Every fit is compared with it."""
    task, _, targets, logits = _situation(subject)
    guess = task.majority(task.units(targets), 7)
    expected = [7, *logits.shape[1:]]
    require(list(guess.shape) == expected, f"for 7 units it has shape {list(guess.shape)}")
    require(bool(torch.isfinite(guess).all()), "some of it is NaN or infinite")
    require(bool((guess == guess[:1]).all()), "it differs from row to row")


@rule("Metrics stand few rows and rows of one label.", needs=[loss_can_be_trained_on])
def metrics_stand_few_rows(subject: TaskSubject) -> None:
    """A validation split may be small and lopsided."""
    task, _, targets, logits = _situation(subject)
    by_row = task.by_row(logits.detach(), targets)
    for what, rows in (("one row", [0]), ("rows of one label", [0, 0, 0])):
        try:
            found = task.metrics(by_row[rows], targets[rows])
        except Exception as err:
            raise Broken(f"{what}: {type(err).__name__}: {err}") from err
        require(task.monitor in found, f"{what}: {task.monitor} is missing")


@rule("Decoding gives one plain prediction a row.", needs=[head_has_the_right_shape])
def decodes_every_row(subject: TaskSubject) -> None:
    """What ``zoo predict --json`` prints."""
    task = subject.fresh()
    shape = (6, 3) if task.several_units else (6,)
    logits = (
        task.head(subject.feature_size).eval()(torch.randn(*shape, subject.feature_size)).detach()
    )
    found = task.decode(logits)
    require(len(found) == 6, f"6 rows of logits give {len(found)} predictions")
    for prediction in found:
        require(isinstance(prediction, Prediction), f"{type(prediction).__name__}, no Prediction")
        try:
            json.dumps(prediction.as_dict(), allow_nan=False)
        except (TypeError, ValueError) as err:
            raise Broken(f"a prediction is not plain JSON: {err}") from err
    one_by_one = [task.decode(logits[i : i + 1])[0].label for i in range(6)]
    require(one_by_one == [p.label for p in found], "a row alone is decoded to another label")


@rule(
    "A trained head says of its training rows what they are.",
    needs=[metrics_tell_good_from_bad, decodes_every_row],
)
def decoding_agrees_with_targets(subject: TaskSubject) -> None:
    """On features that can be told apart; labels that are no classes are left to the metrics."""
    task, features, targets, _ = _situation(subject)
    if not set(subject.rows) <= set(task.labels):
        raise NotApplicable("its labels are no classes")
    learnt = _fitted(task, features, task.units(targets))(features).detach()
    labels = [p.label for p in task.decode(task.by_row(learnt, targets))]
    wrong = [
        (found, true) for found, true in zip(labels, subject.rows, strict=True) if found != true
    ]
    if wrong:
        raise Broken(
            f"{len(wrong)} of {len(labels)} are wrong: {wrong[0][0]!r} for {wrong[0][1]!r}"
        )


@rule(
    "Counts of true against predicted are a square over all rows.", needs=[loss_can_be_trained_on]
)
def confusion_counts_every_row(subject: TaskSubject) -> None:
    """Where the task has such a thing."""
    task, _, targets, logits = _situation(subject)
    counts = task.confusion(task.by_row(logits.detach(), targets), targets)
    if counts is None:
        raise NotApplicable("it has none")
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] == len(task.labels)
    require(square, f"it has shape {list(counts.shape)} for {len(task.labels)} labels")
    units = len(task.units(targets))
    require(int(counts.sum()) == units, f"it counts {int(counts.sum())} of {units}")


@rule(
    "Made again from labels, settings and state, with the head's tensors, it answers as before.",
    needs=[decodes_every_row, loss_can_be_trained_on],
)
def state_round_trips(subject: TaskSubject) -> None:
    """An artifact holds nothing else of a task."""
    task, features, targets, _ = _situation(subject)
    head = _fitted(task, features, task.units(targets))
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


def _situation(subject: TaskSubject) -> tuple[Task, Tensor, Tensor, Tensor]:
    """A prepared task, features of units that can be told apart, targets, and a new head's logits."""
    task = subject.fresh()
    targets = task.targets(subject.rows)
    task.prepare(targets)
    units = task.units(targets).reshape(len(task.units(targets)), -1).nan_to_num()
    kinds, kind_of = units.unique(dim=0, return_inverse=True)
    with seeded():
        centres = torch.randn(len(kinds), subject.feature_size) * 3
        rows = centres[kind_of]
        features = rows + torch.randn(rows.shape) * 0.05
        logits = task.head(subject.feature_size).eval()(features)
    return task, features, targets, logits


def _fitted(task: Task, features: Tensor, units: Tensor) -> nn.Module:
    with seeded():
        head = task.head(features.shape[1])
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(_FIT_STEPS):
        optimizer.zero_grad()
        task.loss(head(features), units).backward()
        optimizer.step()
    return head.eval()


def _measured(task: Task, logits: Tensor, targets: Tensor) -> dict[str, float]:
    by_row = task.by_row(logits, targets)
    return task.tuned(by_row, targets).metrics(by_row, targets)


def _kept(subject: TaskSubject) -> tuple[str, ...]:
    return subject.fresh().remembers


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, 0.0, 0.0, equal_nan=True)


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
    decodes_every_row,
    decoding_agrees_with_targets,
    confusion_counts_every_row,
    state_round_trips,
    foreign_state_is_refused,
    every_adapter_trains_it,
)
