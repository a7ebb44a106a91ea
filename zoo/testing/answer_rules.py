"""Rules for what a task answers: metrics, decoding, and the guess that it is compared with."""

from __future__ import annotations

import json
import math

import torch
from torch import Tensor

from zoo.model import Prediction, Task
from zoo.testing.label_rules import (
    fitted,
    head_has_the_right_shape,
    loss_can_be_trained_on,
    situation,
)
from zoo.testing.rule import Broken, NotApplicable, require, rule
from zoo.testing.subjects import TaskSubject


@rule(
    "A head trained on separable features beats the majority by its own metrics.",
    needs=[loss_can_be_trained_on],
)
def metrics_tell_good_from_bad(subject: TaskSubject) -> None:
    """``headline`` is higher and ``monitor`` lower for the better model, and all are numbers."""
    task, features, targets, _ = situation(subject)
    units = task.units(targets)
    learnt = fitted(task, features, units)(features).detach()
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
    task, _, targets, logits = situation(subject)
    guess = task.majority(task.units(targets), 7)
    expected = [7, *logits.shape[1:]]
    require(list(guess.shape) == expected, f"for 7 units it has shape {list(guess.shape)}")
    require(bool(torch.isfinite(guess).all()), "some of it is NaN or infinite")
    require(bool((guess == guess[:1]).all()), "it differs from row to row")


@rule("Metrics stand few rows and rows of one label.", needs=[loss_can_be_trained_on])
def metrics_stand_few_rows(subject: TaskSubject) -> None:
    """A validation split may be small and lopsided."""
    task, _, targets, logits = situation(subject)
    by_row = task.by_row(logits.detach(), targets)
    for what, rows in (("one row", [0]), ("rows of one label", [0, 0, 0])):
        try:
            found = task.metrics(by_row[rows], targets[rows])
        except Exception as err:
            raise Broken(f"{what}: {type(err).__name__}: {err}") from err
        require(task.monitor in found, f"{what}: {task.monitor} is missing")


@rule(
    "Its temperature is at least 1 and changes how sure an answer is, but not the answer.",
    needs=[metrics_tell_good_from_bad],
)
def temperature_leaves_answers(subject: TaskSubject) -> None:
    """Logits of an epoch are compared at it, and the head that is kept is divided by it."""
    task, features, targets, _ = situation(subject)
    learnt = fitted(task, features, task.units(targets))(features).detach()
    for logits in (task.by_row(learnt, targets), task.by_row(-5 * learnt, targets)):
        found = task.temperature(logits, targets)
        require(1 <= found < math.inf, f"it is {found}")
        before, after = (task.decode(each) for each in (logits, logits / found))
        odd = [a.label for a, b in zip(before, after, strict=True) if a.label != b.label]
        require(not odd, f"divided by it, {len(odd)} of {len(before)} answers are others")


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
    task, features, targets, _ = situation(subject)
    if not set(subject.rows) <= set(task.labels):
        raise NotApplicable("its labels are no classes")
    learnt = fitted(task, features, task.units(targets))(features).detach()
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
    task, _, targets, logits = situation(subject)
    counts = task.confusion(task.by_row(logits.detach(), targets), targets)
    if counts is None:
        raise NotApplicable("it has none")
    square = counts.ndim == 2 and counts.shape[0] == counts.shape[1] == len(task.labels)
    require(square, f"it has shape {list(counts.shape)} for {len(task.labels)} labels")
    units = len(task.units(targets))
    require(int(counts.sum()) == units, f"it counts {int(counts.sum())} of {units}")


def _measured(task: Task, logits: Tensor, targets: Tensor) -> dict[str, float]:
    by_row = task.by_row(logits, targets)
    return task.tuned(by_row, targets).metrics(by_row, targets)
