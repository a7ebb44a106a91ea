"""An epoch takes the place of the probe it began from where held-out rows show that it is better."""

import pytest
import torch

import zoo
from zoo.training.best import Best, Moving, is_clearly_better


@pytest.fixture
def task():
    return zoo.task("classification", labels=["a", "b"])


def logits(right):
    """Of rows that are all of class ``a``, by how sure of it the model is."""
    return torch.stack([torch.tensor(right), torch.zeros(len(right))], dim=1)


SURE = [1.0, 1.2, 0.8, 1.1, 0.9, 1.0, 1.3, 0.7]


def test_what_is_better_on_all_rows_is_clearly_better(task):
    better = [each + 0.1 for each in SURE]
    assert is_clearly_better(task, logits(better), logits(SURE), torch.zeros(8, dtype=torch.long))


def test_what_one_row_makes_better_is_not(task):
    lucky = [*[each - 0.01 for each in SURE[:-1]], SURE[-1] + 1.0]
    targets = torch.zeros(8, dtype=torch.long)
    by_mean = [task.metrics(each, targets)["log_loss"] for each in (logits(lucky), logits(SURE))]
    assert by_mean[0] < by_mean[1]
    assert not is_clearly_better(task, logits(lucky), logits(SURE), targets)


def test_the_same_and_what_is_worse_are_not(task):
    targets = torch.zeros(8, dtype=torch.long)
    assert not is_clearly_better(task, logits(SURE), logits(SURE), targets)
    assert not is_clearly_better(task, logits([0.0] * 8), logits(SURE), targets)


def test_one_row_proves_nothing(task):
    assert not is_clearly_better(
        task, logits([9.0]), logits([1.0]), torch.zeros(1, dtype=torch.long)
    )


def test_a_start_is_left_only_for_what_is_clear_and_patience_counts_all_the_same(make_model):
    best = Best(Moving(make_model()))
    best.consider(0, 1.0, lambda: False)  # the start itself needs no proof
    best.consider(1, 0.9, lambda: False)
    assert (best.epoch, best.lowest) == (0, 1)
    best.consider(2, 0.95, lambda: True)
    assert (best.epoch, best.lowest) == (2, 1)
    best.consider(3, 0.94, lambda: False)  # it is left already
    assert (best.epoch, best.lowest) == (3, 1)


def test_the_temperature_of_what_is_kept_is_kept(make_model):
    best = Best(Moving(make_model()))
    best.consider(0, 1.0, temperature=1.5)
    best.consider(1, 0.9, temperature=2.5)
    best.consider(2, 0.95, temperature=3.5)
    again = Best(Moving(make_model()))
    again.load(best.state())
    assert best.temperature == again.temperature == 2.5
