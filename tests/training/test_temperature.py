"""Epochs are compared at the temperature that suits each, and the head that is kept is divided by it."""

import json

import pytest
import torch

import zoo
from zoo.model.joint import Joint
from zoo.training.temperature import temper, temperature_of


@pytest.fixture
def task():
    return zoo.task("classification", labels=["a", "b", "c"])


def answers(rows=300, right=0.8, sure=8.0):
    """Logits that are equally sure of all answers, and the targets that make so many right."""
    drawn = torch.Generator().manual_seed(0)
    said = torch.randint(3, (rows,), generator=drawn)
    wrong = torch.rand(rows, generator=drawn) > right
    targets = torch.where(wrong, (said + 1 + torch.randint(2, (rows,), generator=drawn)) % 3, said)
    return sure * torch.nn.functional.one_hot(said, 3).float(), targets


def test_what_is_too_sure_is_divided_until_it_is_as_sure_as_it_is_right(task):
    logits, targets = answers()
    found = task.temperature(logits, targets)
    divided = (logits / found).softmax(-1)
    right = (divided.argmax(-1) == targets).float().mean()
    torch.testing.assert_close(divided.max(-1).values.mean(), right, atol=1e-3, rtol=0)
    before, after = (task.metrics(each, targets) for each in (logits, logits / found))
    assert after["log_loss"] < before["log_loss"] - 0.3
    assert after["accuracy"] == before["accuracy"]


def test_few_rows_that_are_all_right_make_nothing_surer(task):
    logits, _ = answers(rows=20, sure=1.0)
    assert task.temperature(logits, logits.argmax(-1)) == 1.0


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_left(odd, task):
    logits, targets = answers()
    logits[3, 1] = odd
    assert task.temperature(logits, targets) == 1.0


def test_the_head_takes_it_up(make_model, task):
    model = make_model()
    images = torch.rand(4, 1, 8, 8)
    before = model({"pixels": images})["classification"].detach()
    temper(model, model.tasks["classification"], 2.0)
    after = model({"pixels": images})["classification"].detach()
    torch.testing.assert_close(after, before / 2)


def test_several_tasks_and_heads_that_are_not_linear_are_left(make_model, task):
    logits, targets = answers()
    model = make_model()
    assert (
        temperature_of(
            model,
            Joint([task, zoo.task("regression", labels=["size"], name="size")]),
            logits,
            targets,
        )
        == 1
    )
    model.heads["classification"] = torch.nn.Sequential(model.heads["classification"])
    assert temperature_of(model, model.tasks["classification"], logits, targets) == 1


def test_a_fit_that_learns_by_heart_is_no_surer_than_it_is_right(
    make_model, data, tmp_path, any_better_epoch
):
    """Without it log loss would be least in an early epoch, and accuracy with it."""
    run = zoo.fit(make_model("finetune"), data, tmp_path / "run", epochs=8, lr=0.01, baselines=())
    written = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    lines = [json.loads(line)["val"] for line in written]
    kept = run.record.config["best_epoch"]
    own = next(
        r.metrics for r in run.record.results if r.split == "val" and r.model == "this model"
    )
    assert kept > 0
    assert own["log_loss"] == pytest.approx(lines[kept]["log_loss"], rel=1e-4)
    assert own["log_loss"] == pytest.approx(min(line["log_loss"] for line in lines), rel=1e-4)
