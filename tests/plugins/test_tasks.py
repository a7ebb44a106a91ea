"""Classification: its metrics against scikit-learn's, its options, its errors."""

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from sklearn.utils.class_weight import compute_class_weight

import zoo
from zoo.errors import BadSetting, LabelProblem, UnknownName

LABELS = ["ant", "bee", "cat"]


def classification(**settings):
    return zoo.task("classification", labels=LABELS, **settings)


@pytest.fixture
def random_case():
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(200, 3, generator=generator) * 2
    return logits, torch.randint(0, 3, (200,), generator=generator)


def test_metrics_equal_the_reference(random_case):
    logits, targets = random_case
    found = classification().metrics(logits, targets)
    predicted, truth = logits.argmax(1).numpy(), targets.numpy()
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(truth, predicted))
    assert found["balanced_accuracy"] == pytest.approx(
        reference.balanced_accuracy_score(truth, predicted)
    )
    assert found["macro_f1"] == pytest.approx(reference.f1_score(truth, predicted, average="macro"))
    assert found["log_loss"] == pytest.approx(
        reference.log_loss(truth, logits.softmax(1).numpy()), rel=1e-5
    )


def test_calibration_error_is_the_gap_between_confidence_and_accuracy_over_15_bins(random_case):
    logits, targets = random_case
    confidence, predicted = logits.softmax(1).max(1)
    right = (predicted == targets).float()
    bins = (confidence * 15).long().clamp(max=14)
    by_hand = sum(
        float(
            (bins == b).float().mean()
            * (confidence[bins == b].mean() - right[bins == b].mean()).abs()
        )
        for b in bins.unique()
    )
    found = classification().metrics(logits, targets)["calibration_error"]
    assert found == pytest.approx(by_hand, abs=1e-5)


def test_balanced_accuracy_ignores_classes_that_do_not_occur():
    logits = torch.tensor([[5.0, 0, 0], [0, 0, 5.0]])
    targets = torch.tensor([0, 0])
    assert classification().metrics(logits, targets)["balanced_accuracy"] == pytest.approx(0.5)


def test_balanced_class_weights_are_the_usual_ones():
    targets = torch.tensor([0] * 8 + [1] * 2 + [2] * 2)
    task = classification(class_weights="balanced")
    task.prepare(targets)
    logits = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
    weights = compute_class_weight("balanced", classes=np.arange(3), y=targets.numpy())
    expected = torch.nn.functional.cross_entropy(
        logits, targets, weight=torch.tensor(weights, dtype=torch.float32)
    )
    assert float(task.loss(logits, targets)) == pytest.approx(float(expected))


def test_majority_gives_the_training_frequencies():
    logits = classification().majority(torch.tensor([1, 1, 1, 0]), rows=2)
    assert logits.shape == (2, 3)
    assert logits.softmax(1)[0].tolist() == pytest.approx([0.25, 0.75, 0.0], abs=1e-5)


def test_decode_names_the_most_probable_label_and_scores_them_all():
    (prediction,) = classification().decode(torch.tensor([[0.0, 2.0, 0.0]]))
    assert prediction.label == "bee"
    assert prediction.score == prediction.scores["bee"] == max(prediction.scores.values())
    assert sum(prediction.scores.values()) == pytest.approx(1.0)
    assert set(prediction.as_dict()) == {"label", "score", "scores"}


def test_confusion_counts_true_by_predicted():
    counts = classification().confusion(torch.eye(3)[[0, 1, 1]], torch.tensor([0, 1, 2]))
    assert counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]


def test_a_label_never_seen_is_named_with_those_that_are():
    with pytest.raises(LabelProblem, match=r"'dog' is not one this model knows \(ant, bee, cat\)"):
        classification().targets(["ant", "dog"])


def test_settings_are_checked():
    with pytest.raises(BadSetting, match=r"class_weights='even' is not valid; it is one of none"):
        classification(class_weights="even")
    with pytest.raises(
        BadSetting, match=r"no setting 'class_weight'. Did you mean 'class_weights'"
    ):
        classification(class_weight="balanced")
    with pytest.raises(UnknownName, match=r"Did you mean 'classification'"):
        zoo.task("clasification", labels=LABELS)
