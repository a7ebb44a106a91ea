"""Verdicts: right where the truth is planted, careful where rows are few."""

import math

import numpy as np
import pytest
import torch

import zoo
from zoo.report.evidence import CurvePoint, LearningCurve
from zoo.report.record import Result
from zoo.training import evidence, verdicts
from zoo.training.learning_curve import ENOUGH, Measured, ahead, rows_for
from zoo.training.verdicts import Measure


@pytest.fixture(scope="module")
def task():
    return zoo.task("classification", labels=["a", "b"])


def answers(right, rows, sure=3.0):
    """Logits of which ``right`` are, and their targets."""
    targets = torch.arange(rows) % 2
    told = torch.where(torch.arange(rows) < right, targets, 1 - targets)
    return sure * torch.nn.functional.one_hot(told, 2).float(), targets


def results(**values):
    return [
        Result(model=model, split="test", rows=100, metrics={"accuracy": value})
        for model, value in values.items()
    ]


@pytest.mark.parametrize("rows", [100, 2000])
def test_the_error_is_that_of_a_share(task, rows):
    found = verdicts.measure(task, *answers(round(0.8 * rows), rows))
    assert found.value == pytest.approx(0.8)
    assert found.error == pytest.approx(math.sqrt(0.16 / rows), rel=0.4)


def test_no_mistake_in_few_rows_is_no_certainty(task):
    """90 of 90 and 87 of 90 are no more apart than chance has it."""
    found = verdicts.measure(task, *answers(90, 90))
    assert found.value == 1.0
    assert found.error == pytest.approx(math.sqrt(92 / 94 * 2 / 94 / 94))
    (verdict,) = verdicts.transfer(found, results(probe=87 / 90), "test", "accuracy")
    assert "No better than probe beyond chance" in verdict.text


@pytest.mark.parametrize(
    ("rival", "level", "said"),
    [
        (0.9, "warning", "Negative transfer: probe is better here: accuracy 0.900"),
        (0.82, "note", "by no more than chance"),
        (0.79, "note", "No better than probe beyond chance"),
        (0.6, "good", "Better than probe: accuracy 0.600"),
    ],
)
def test_a_rival_is_better_level_or_worse(rival, level, said):
    own = Measure(0.8, 0.02)
    (found,) = verdicts.transfer(
        own, results(**{"this model": 0.8, "probe": rival}), "test", "accuracy"
    )
    assert found.level == level
    assert said in found.text
    assert found.figures["difference"] == pytest.approx(0.8 - rival)


def test_a_rival_on_other_rows_is_told_as_such():
    metric = "accuracy on the target"
    found = verdicts.against(Measure(0.7, 0.02), "source-only", 0.8, metric, about="adaptation")
    assert (found.about, found.level) == ("adaptation", "warning")
    assert (
        "Negative transfer: source-only is better here: accuracy on the target 0.800" in found.text
    )


@pytest.mark.parametrize(
    ("train", "held", "level"),
    [(1.0, 0.7, "warning"), (0.8, 0.73, "note"), (0.8, 0.79, "good"), (0.7, 0.8, "good")],
)
def test_over_fitting_is_a_gap_beyond_chance(train, held, level):
    found = verdicts.over_fitting(Measure(train, 0.01), Measure(held, 0.02), "test", "accuracy")
    assert found.level == level


def test_over_fitting_in_few_rows_is_chance():
    found = verdicts.over_fitting(Measure(1.0, 0), Measure(0.8, 0.13), "test", "accuracy")
    assert found.level == "good"


def test_where_validation_turned_is_told():
    history = [{"epoch": n, "val": {"log_loss": loss}} for n, loss in enumerate((1, 0.5, 0.6, 0.9))]
    assert "least after epoch 1 (0.500) and 0.900 after epoch 3" in verdicts.turned(
        history, 1, "log_loss"
    )
    assert verdicts.turned(history, 3, "log_loss") == ""
    assert verdicts.turned([], 0, "log_loss") == ""


@pytest.mark.parametrize("exponent", [0.3, 0.5, 0.9])
def test_the_interval_holds_what_twice_the_rows_bring(exponent):
    draw = np.random.default_rng(0)
    inside = 0
    for seed in range(50):
        rows = (50, 100, 50, 100, 200)
        values = [0.95 - 2 * n**-exponent + draw.normal(scale=0.004) for n in rows]
        gain = 2 * (200**-exponent - 400**-exponent)
        middle, low, high = ahead(Measured(rows, tuple(values)), 200, 400, seed)
        assert low <= middle <= high
        inside += low <= gain <= high
    assert inside >= 30


@pytest.mark.parametrize(
    ("low", "high", "level", "said"),
    [
        (0.82, 0.9, "warning", "Too little data"),
        (0.8, 0.805, "good", "Enough rows"),
        (0.8, 0.85, "note", "may help"),
    ],
)
def test_rows_are_too_few_where_more_would_surely_help(low, high, level, said):
    found = verdicts.rows(curve(low=low, high=high))
    assert (found.level, said in found.text) == (level, True)


def curve(low=0.8, high=0.85):
    points = [CurvePoint(rows=r, value=v) for r, v in ((50, 0.6), (100, 0.7), (200, 0.8))]
    ahead = CurvePoint(rows=400, value=(low + high) / 2)
    return LearningCurve(
        model="probe",
        split="test",
        metric="accuracy",
        points=points,
        ahead=ahead,
        low=low,
        high=high,
    )


def test_rows_that_transfer_saved_are_read_off_the_curve():
    assert rows_for(curve(), 0.65) == pytest.approx(50 * 2**0.5)
    assert rows_for(curve(), 0.5) == 50
    assert rows_for(curve(), 0.9) is None
    scratch = Result(
        model="from scratch",
        split="test",
        rows=9,
        metrics={"accuracy": 0.65},
        settings={"seconds": 40.0},
    )
    found = verdicts.saved(Measure(0.8, 0.02), scratch, 10.0, curve(), "accuracy")
    assert found.level == "good"
    assert "0.650 in 40 s; this model 0.800 in 10 s" in found.text
    assert "reach 0.650 with about 71 rows of 200" in found.text


def test_calibration_is_what_was_planted(task):
    logits, targets = answers(80, 100, sure=math.log(4))  # says 0.8, and is right so often
    found = evidence.reliability(task, logits, targets, "test")
    assert found.error == pytest.approx(0, abs=1e-6)
    too_sure = evidence.reliability(task, 10 * logits, targets, "test")
    assert too_sure.error == pytest.approx(0.2, abs=1e-3)
    assert too_sure.error == pytest.approx(
        task.metrics(10 * logits, targets)["calibration_error"], abs=1e-3
    )


def test_marks_are_calibrated_each_by_itself():
    task = zoo.task("multilabel", labels=["x", "y"])
    targets = torch.tensor([[1.0, float("nan")], [0.0, 1.0]])
    found = evidence.reliability(task, torch.zeros(2, 2), targets, "val")
    assert (found.of, found.bins[0].count) == ("labels", 3)
    assert found.error == pytest.approx(1 / 6)


def test_classes_have_precision_and_recall(task):
    logits, targets = answers(3, 4)
    found = evidence.details(task, logits, targets)
    assert found["a"] == {"precision": 2 / 3, "recall": 1.0, "f1": 0.8, "rows": 2.0}


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("bees", "bees"),
        ('{"target": "9.53"}', "9.53"),
        ('{"width": "2", "height": ""}', "width 2, height –"),
        ("{no json", "{no json"),
    ],
)
def test_labels_of_mistakes_are_in_words(label, said):
    assert evidence.label_words(label) == said


def test_numbers_are_drawn_in_their_units():
    task = zoo.task("regression", labels=["price"])
    targets = torch.tensor([[10.0], [30.0]])
    task.prepare(targets)
    (found,) = evidence.scatters(task, torch.tensor([[-1.0], [1.0]]), targets, "test")
    assert found.true == [10, 30]
    assert found.predicted[1] - found.predicted[0] > 10


def test_where_there_are_too_few_rows_for_a_curve_it_is_said():
    found = verdicts.too_few(ENOUGH - 1)
    assert (found.about, found.level) == ("rows", "note")
    assert "Too little data" in found.text
    assert f"takes {ENOUGH} training rows, and here are {ENOUGH - 1}" in found.text
