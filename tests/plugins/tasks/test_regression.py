"""Regression: metrics against scikit-learn's, gaps, units, and bad targets."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from sklearn import metrics as reference
from sklearn.linear_model import Ridge

import zoo
from tests.cli.commands import zoo as command
from zoo.errors import ColumnMissing, LabelProblem
from zoo.model import HeadProblem
from zoo.testing import TaskKit

NAN = float("nan")


def regression(labels=("price",), **settings):
    return zoo.task("regression", labels=labels, **settings)


def prepared(targets, **settings):
    task = regression([f"y{i}" for i in range(targets.shape[1])], **settings)
    task.prepare(targets)
    return task


@pytest.mark.parametrize("rows", [2, 50])
def test_metrics_equal_the_reference(rows):
    generator = torch.Generator().manual_seed(rows)
    targets = torch.randn(rows, 1, generator=generator, dtype=torch.float64) * 1e6 + 3e6
    task = prepared(targets)
    logits = torch.randn(rows, 1, generator=generator)
    values = [[p.data["values"]["y0"]] for p in task.decode(logits)]
    found = task.metrics(logits, targets)
    assert found["mae"] == pytest.approx(reference.mean_absolute_error(targets, values))
    assert found["rmse"] == pytest.approx(reference.root_mean_squared_error(targets, values))
    assert found["r2"] == pytest.approx(reference.r2_score(targets, values))


@pytest.mark.parametrize("hit", [True, False])
def test_r2_of_equal_targets_is_as_in_scikit_learn(hit):
    targets = torch.full((4, 1), 3.0, dtype=torch.float64)
    logits = torch.full((4, 1), 3.0 if hit else 2.0)
    task = regression()
    assert task.metrics(logits, targets)["r2"] == reference.r2_score(targets, logits)


def test_one_row_has_errors_and_no_r2():
    found = regression().metrics(torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.float64))
    assert found == {"mae": 1.0, "rmse": 1.0, "loss": 1.0}


def test_of_several_outputs_each_is_measured_on_what_is_known_of_it():
    targets = torch.tensor([[1.0, NAN], [3.0, 10.0], [NAN, 30.0], [4.0, 20.0]]).double()
    task = prepared(targets)
    logits = torch.randn(4, 2)
    values = np.array([list(p.data["values"].values()) for p in task.decode(logits)])
    details = task.details(logits, targets)
    for at, name in enumerate(("y0", "y1")):
        known = ~targets[:, at].isnan().numpy()
        expected = reference.r2_score(targets[known, at], values[known, at])
        assert details[name]["r2"] == pytest.approx(expected)
    assert task.metrics(logits, targets)["r2"] == pytest.approx(
        (details["y0"]["r2"] + details["y1"]["r2"]) / 2
    )


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_what_is_missing_has_a_gradient_of_exactly_zero(loss):
    targets = torch.tensor([[1.0, NAN], [2.0, 5.0], [NAN, NAN]]).double()
    task = prepared(targets, loss=loss)
    logits = torch.randn(3, 2, requires_grad=True)
    task.loss(logits, targets).backward()
    assert torch.equal(logits.grad != 0, ~targets.isnan())
    logits.grad = None
    task.loss(logits, torch.full((3, 2), NAN).double()).backward()
    assert torch.equal(logits.grad, torch.zeros(3, 2))


def test_huber_is_squared_near_and_linear_far():
    task = regression(loss="huber", delta=1.0)
    near, far = (float(task.loss(torch.tensor([[e]]), torch.zeros(1, 1))) for e in (0.5, 5.0))
    assert (near, far) == pytest.approx((0.125, 4.5))


@pytest.mark.parametrize("bias", [True, False])
def test_the_probe_is_ridge_in_closed_form(bias):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(60, 8, generator=generator) * 3 + 2
    wanted = features[:, :2] + torch.randn(60, 2, generator=generator)
    targets = wanted.double()
    targets[10:20, 1] = NAN
    task = prepared(targets)
    head = task.head(8, bias=bias)
    problem = HeadProblem(task, head, features, targets, features[:0], targets[:0])
    zoo.adapter("linear-probe", {"l2": 0.1, "refit": False}).solve(problem)
    standardised = task.regressands(targets).numpy()
    for at in range(2):
        known = ~np.isnan(standardised[:, at])
        x = features.double().numpy()[known]
        x = (x - (x.mean(0) if bias else 0)) / x.std(0)
        alpha = 0.1 * 110 / 2  # of the sum of squares, where ours is of the mean over 110 numbers
        peer = Ridge(alpha=alpha, fit_intercept=bias).fit(x, standardised[known, at])
        ours = head(features[known])[:, at].detach().numpy()
        assert ours == pytest.approx(peer.predict(x), abs=1e-5)


def test_values_come_with_their_units():
    task = regression(["price", "area"], units="€,m²")
    task.restore({"mean": [100.0, 50.0], "scale": [10.0, 5.0]})
    (found,) = task.decode(torch.tensor([[1.0, -1.0]]))
    assert found.label == "price 110 €, area 45 m²"
    assert found.as_dict() == {
        "label": found.label,
        "values": {"price": 110.0, "area": 45.0},
        "units": {"price": "€", "area": "m²"},
    }


def test_what_is_no_number_is_refused():
    with pytest.raises(LabelProblem, match="'dear' is no number"):
        regression().targets(["3", "dear"])
    with pytest.raises(LabelProblem, match="does not say which of price, area it is"):
        regression(["price", "area"]).targets(["3"])


def test_a_run_beats_the_mean_and_answers_the_same_when_loaded(write, tmp_path):
    data = write(lambda digit, at: {"size": "" if at % 7 == 0 else digit * 1000, "n": at})
    ended = command(
        "fit", data, "--backbone", "digits", "--task", "regression", "--label-column", "size",
        "--adapter", "lora", "--epochs", 2, "--out", tmp_path / "run", "--json",
    )  # fmt: skip
    assert ended.code == 0, ended.err
    by_model = {r["model"]: r["metrics"] for r in ended.data["results"] if r["split"] == "test"}
    assert set(by_model) == {"this model", "mean of training", "linear-probe"}
    assert by_model["this model"]["r2"] > by_model["mean of training"]["r2"] + 0.4
    assert by_model["this model"]["mae"] < by_model["mean of training"]["mae"] * 0.7
    asked = command("predict", tmp_path / "run", data, "--json", "--input-column", "image").data
    again = zoo.load(tmp_path / "run").predict([one["input"] for one in asked])
    assert [one["values"] for one in asked] == [p.data["values"] for p in again]
    measured = command("evaluate", tmp_path / "run", data, "--json").data
    assert measured["labels"] == ["size"]
    assert measured["metrics"]["rmse"] > measured["metrics"]["mae"] > 0
    lines = command("predict", tmp_path / "run", data, "--csv").out.splitlines()
    assert lines[0] == "input,label,size"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (lambda digit, at: "dear" if at == 3 else digit, "'dear' in the column 'y' is no number"),
        (
            lambda digit, at: "1e999" if at == 3 else digit,
            "'1e999' in the column 'y' is not finite",
        ),
        (lambda digit, at: "", "has a label"),
        (lambda digit, at: 5, "fewer than two different numbers"),
    ],
)
def test_a_bad_column_is_named_with_file_and_row(target, message, write, tmp_path):
    data = write(lambda digit, at: {"y": target(digit, at)})
    ended = command(
        "fit", data, "--task", "regression", "--label-column", "y", "--out", tmp_path / "run"
    )
    assert ended.code == 2
    assert message in ended.err
    if "column" in message:
        assert "data.csv row 5" in ended.err
    assert not (tmp_path / "run").exists()


def test_two_columns_are_two_targets(write):
    data = write(lambda digit, at: {"size": digit, "shade": -2.5 * digit})
    found = zoo.load_data(data, task="regression", label_column="size,shade")
    assert found.labels == ("size", "shade")
    with pytest.raises(ColumnMissing, match="which column holds the labels"):
        zoo.load_data(data, task="regression")


class TestHuber(TaskKit):
    """The rules for every task, with the loss that has no closed form, on two targets with gaps."""

    task = "regression"
    settings: ClassVar = {"loss": "huber"}
    rows = ('{"a": "1", "b": "10"}', '{"a": "2", "b": ""}', '{"a": "-4", "b": "30"}')
    adapters = ("lora", "linear-probe")
