"""Ordinal grades: kappa against scikit-learn's, both methods, and the order of grades."""

import itertools

import pytest
import torch
from sklearn import metrics as reference

import zoo
from tests.cli.commands import zoo as command
from zoo.errors import LabelProblem
from zoo.testing import TaskKit

GRADES = ("1", "2", "3", "4")
METHODS = ("corn", "coral")


def ordinal(method="corn"):
    return zoo.task("ordinal", labels=GRADES, method=method)


class TestCoral(TaskKit):
    """The rules for every task, with a head of another kind."""

    task = "ordinal"
    settings = {"method": "coral"}  # noqa: RUF012  # the kit reads it
    rows = GRADES
    adapters = ("lora", "linear-probe")


def said(task, logits):
    return torch.tensor([int(p.label) - 1 for p in task.decode(logits)])


@pytest.mark.parametrize("method", METHODS)
def test_metrics_equal_the_reference(method):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 3, generator=generator)
    targets = torch.randint(0, 4, (200,), generator=generator)
    task = ordinal(method)
    found, grades = task.metrics(logits, targets), said(task, logits)
    assert found["kappa"] == pytest.approx(
        reference.cohen_kappa_score(targets, grades, weights="quadratic"), abs=1e-6
    )
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(targets, grades))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(targets, grades))


def test_kappa_of_one_grade_is_left_out_where_it_is_not_defined():
    low = torch.full((3, 3), -9.0)
    assert "kappa" not in ordinal().metrics(low, torch.zeros(3, dtype=torch.long))
    assert ordinal().metrics(-low, torch.zeros(3, dtype=torch.long))["kappa"] == 0.0


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_add_up_and_the_grade_is_their_median(method):
    logits = torch.randn(50, 3, generator=torch.Generator().manual_seed(1)) * 3
    for prediction in ordinal(method).decode(logits):
        shares = list(prediction.scores.values())
        assert sum(shares) == pytest.approx(1.0, abs=1e-6)
        assert min(shares) >= 0
        below = list(itertools.accumulate(shares))
        assert below[int(prediction.label) - 1] >= 0.5 - 1e-6
        assert prediction.score == prediction.scores[prediction.label]


def test_corn_asks_a_row_only_what_it_can_answer():
    logits = torch.zeros(1, 3, requires_grad=True)
    ordinal().loss(logits, torch.tensor([1])).backward()  # grade 2: above 1, not above 2
    assert (logits.grad[0, 0] < 0, logits.grad[0, 1] > 0) == (True, True)
    assert logits.grad[0, 2] == 0
    logits = torch.zeros(1, 3, requires_grad=True)
    ordinal("coral").loss(logits, torch.tensor([1])).backward()
    assert (logits.grad != 0).all()


def test_the_majority_has_the_frequencies_of_training():
    targets = torch.tensor([0, 0, 1, 3])
    for method in METHODS:
        task = ordinal(method)
        (found,) = task.decode(task.majority(targets, 1))
        assert list(found.scores.values()) == pytest.approx([0.5, 0.25, 0.0, 0.25], abs=1e-5)


def test_grades_of_numbers_are_in_their_order_and_words_need_one(write):
    data = write(lambda digit, at: {"grade": ("10", "9", "8.5")[digit % 3]})
    assert zoo.load_data(data, task="ordinal", label_column="grade").labels == ("8.5", "9", "10")
    data = write(lambda digit, at: {"grade": ("good", "fair", "poor")[digit % 3]})
    with pytest.raises(
        LabelProblem, match=r"(?s)fair, good, poor.*words have no order.*order=LOWEST"
    ):
        zoo.load_data(data, task="ordinal", label_column="grade")


def test_a_run_beats_the_majority_and_answers_the_same_when_loaded(write, tmp_path):
    data = write(lambda digit, at: {"grade": ("low", "mid", "high")[digit % 3]})
    words = (
        "fit", data, "--backbone", "digits", "--task", "ordinal", "--label-column", "grade",
        "--adapter", "linear-probe", "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    wrong = command(*words, "--task-set", "order=low,high")
    assert wrong.code == 2
    assert "The order low, high is not one of the grades" in wrong.err
    ended = command(*words, "--task-set", "order=low,mid,high")
    assert ended.code == 0, ended.err
    by_model = {r["model"]: r["metrics"] for r in ended.data["results"] if r["split"] == "test"}
    assert by_model["this model"]["kappa"] > by_model["majority class"]["kappa"] + 0.2
    asked = command("predict", tmp_path / "run", data, "--json", "--input-column", "image").data
    again = zoo.load(tmp_path / "run").predict([one["input"] for one in asked])
    assert [one["label"] for one in asked] == [p.label for p in again]
    assert [one["scores"] for one in asked] == [p.scores for p in again]
    other = write(lambda digit, at: {"grade": "top"}, name="other.csv")
    refused = command("evaluate", tmp_path / "run", other, "--label-column", "grade")
    assert refused.code == 2
    assert "'top' at other.csv row 2" in refused.err
