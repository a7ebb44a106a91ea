"""Reverse accuracy: high where the target's labels are the source's classes, low where they are not."""

import pytest
import torch

from zoo.training.adaptation.reverse import Reverse

CLASSES, ROWS, SIZE = 3, 150, 8


@pytest.fixture(scope="module")
def domains():
    """Clusters at the same places, the target's all moved and stretched."""
    draw = torch.Generator().manual_seed(0)
    labels = [torch.randint(CLASSES, (ROWS,), generator=draw) for _ in range(2)]
    source, target = (
        4 * torch.eye(CLASSES, SIZE)[each] + torch.randn(ROWS, SIZE, generator=draw)
        for each in labels
    )
    return source, labels[0], 3 * target + 5, labels[1]


def logits_of(labels):
    return torch.nn.functional.one_hot(labels, CLASSES).float()


def test_true_labels_lead_back(domains):
    source, labels, target, truth = domains
    assert Reverse(source, labels, target)(logits_of(truth)) > 0.97


def test_it_is_the_accuracy_of_a_ridge_classifier(domains):
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import scale

    source, labels, target, truth = domains
    given = truth.clone()
    given[::3] = (given[::3] + 1) % CLASSES
    rows, asked = scale(target.double()), scale(source.double())
    factor = (ROWS - 1) / ROWS  # variances here are unbiased
    marks = logits_of(given)
    ridge = Ridge(alpha=0.1 * SIZE / factor, fit_intercept=False).fit(
        rows, marks - marks.mean(dim=0)
    )
    wanted = (ridge.predict(asked).argmax(axis=1) == labels.numpy()).mean()
    assert Reverse(source, labels, target)(logits_of(given)) == pytest.approx(wanted)


def test_sure_answers_of_other_clusters_do_not(domains):
    source, labels, target, truth = domains
    reverse = Reverse(source, labels, target)
    merged = torch.where(truth == 2, 0, truth)
    assert reverse(100 * logits_of(merged)) < 0.75
    assert reverse(100 * logits_of((truth + 1) % CLASSES)) < 0.05


def test_columns_that_are_no_classes_have_none(domains):
    source, labels, target, _ = domains
    assert Reverse(source, labels, target)(torch.zeros(ROWS, CLASSES - 1)) is None
