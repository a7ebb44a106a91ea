"""zoo-hierarchy: the rules for every task, and what holds for this one."""

import pytest
import torch

import zoo
from zoo.testing import TaskKit

LABELS = ["animal:cat", "animal:dog", "plant:oak"]


class TestHierarchy(TaskKit):
    """Each rule of the kit is a test, on labels in groups."""

    task = "hierarchy"
    rows = LABELS


class TestWithoutGroups(TaskKit):
    """Labels without a separator are groups of their own."""

    task = "hierarchy"
    rows = ("ant", "bee", "cat")


def task(**settings):
    return zoo.task("hierarchy", labels=LABELS, **settings)


def test_it_is_listed(zoo_host) -> None:
    record = zoo_host.add("zoo_hierarchy.hooks", name="hierarchy")
    assert (record.status, record.provides) == ("ok", ["hierarchy"])


def test_a_mistake_within_the_group_costs_less() -> None:
    targets = torch.tensor([0])
    near, far = torch.tensor([[0.0, 3.0, 0.0]]), torch.tensor([[0.0, 0.0, 3.0]])
    assert float(task().loss(near, targets)) < float(task().loss(far, targets))
    assert float(task(within=1).loss(near, targets)) == pytest.approx(
        float(task(within=1).loss(far, targets))
    )


def test_with_full_weight_within_it_is_cross_entropy() -> None:
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    expected = torch.nn.functional.cross_entropy(logits, targets)
    assert float(task(within=1).loss(logits, targets)) == pytest.approx(float(expected), rel=1e-5)


def test_the_group_is_decided_first() -> None:
    # oak is the likeliest label, but some animal is likelier than a plant
    (prediction,) = task().decode(torch.tensor([[0.35, 0.25, 0.40]]).log())
    assert prediction.label == "animal:cat"
    assert prediction.scores["animal"] == pytest.approx(0.6)
    assert set(prediction.scores) == {"animal", "plant", *LABELS}


def test_metrics_on_values_worked_out_by_hand() -> None:
    logits = torch.tensor([[9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 9.0]])
    found = task().metrics(logits, task().targets([*LABELS, "plant:oak"]))
    assert (found["accuracy"], found["group_accuracy"]) == (0.5, 0.75)


def test_another_separator() -> None:
    made = zoo.task("hierarchy", labels=["a/x", "a/y", "b:z"], separator="/")
    assert made.groups == ("a", "b:z")
