"""Rules for what a task makes of labels: targets, a head for them, a loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zoo.errors import LabelProblem
from zoo.model import Task
from zoo.testing.rule import Broken, NotApplicable, require, rule
from zoo.testing.subjects import TaskSubject, seeded

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
    task, _, targets, logits = situation(subject)
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


def situation(subject: TaskSubject) -> tuple[Task, Tensor, Tensor, Tensor]:
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


def fitted(task: Task, features: Tensor, units: Tensor) -> nn.Module:
    """A head trained on features that can be told apart, in evaluation mode."""
    with seeded():
        head = task.head(features.shape[1])
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(_FIT_STEPS):
        optimizer.zero_grad()
        task.loss(head(features), units).backward()
        optimizer.step()
    return head.eval()


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, 0.0, 0.0, equal_nan=True)
