"""Balance: what the classes that the target is given have in common with the source's."""

import pytest
import torch

from zoo.training.adaptation.balance import Balance


def logits_of(classes, columns):
    return torch.nn.functional.one_hot(torch.tensor(classes), columns).float()


@pytest.mark.parametrize(
    ("given", "common"),
    [([0, 0, 1, 1], 1.0), ([0, 0, 0, 1], 0.75), ([1, 1, 1, 1], 0.5), ([2, 2, 0, 1], 0.5)],
)
def test_it_is_one_minus_total_variation(given, common):
    source = torch.tensor([0, 1] * 5)
    assert Balance(source)(logits_of(given, 3)) == pytest.approx(common)


def test_columns_that_are_no_classes_have_none():
    assert Balance(torch.tensor([0, 1, 2]))(torch.zeros(4, 2)) is None
