"""The fit loop and what an adapter says of rates and of what rests; it names none."""

import contextlib
import itertools
import json
import signal

import pytest
import torch
from zoo_digits.backbone import DigitPreprocess

import zoo
from tests.training.killed import At, killed_fit
from zoo.errors import BadSetting
from zoo.model import products
from zoo.progress import Silent
from zoo.testing.subjects import reference_backbones
from zoo.training.averaging import Average
from zoo.training.best import Moving
from zoo.training.config import FitConfig
from zoo.training.job import Job
from zoo.training.loop import train
from zoo.training.optimizer import groups
from zoo.training.prepared import PreparedSplit, class_weights, shuffled
from zoo.training.recompute import recomputed
from zoo.training.schedules import schedule_of


def lines(run):
    return [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


def test_patience_waits_for_what_rests(data, make_model, tmp_path):
    model = make_model("finetune", freeze_epochs=4)
    run = zoo.fit(model, data, tmp_path / "run", epochs=7, patience=1, lr=1e-5)
    assert len(lines(run)) > 5  # with epoch 0; one more than those in which the backbone rests
    assert all(p.requires_grad for p in model.backbone.module.parameters())


def test_what_is_refused_leaves_nothing_to_go_on_with(data, make_model, tmp_path):
    with pytest.raises(BadSetting, match="freeze_epochs=2"):
        zoo.fit(make_model("finetune", freeze_epochs=2), data, tmp_path / "run", epochs=2)
    assert not (tmp_path / "run").exists()
    zoo.fit(make_model("finetune", freeze_epochs=1), data, tmp_path / "run", epochs=2)


def test_a_fit_that_beats_no_probe_is_the_probe_and_says_so(data, make_model, tmp_path):
    model = make_model("partial")
    before = {k: v.clone() for k, v in model.backbone.module.state_dict().items()}
    run = zoo.fit(model, data, tmp_path / "run", epochs=2, patience=1, lr=1.0)
    assert run.record.config["best_epoch"] == 0
    assert any("No epoch was better" in note for note in run.record.notes)
    assert any("Training diverged" in note and "`--lr 1e-01`" in note for note in run.record.notes)
    for name, tensor in model.backbone.module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    by_model = {r.model: r.metrics for r in run.record.results if r.split == "test"}
    assert by_model["this model"] == by_model["linear-probe"]


def test_each_trained_parameter_is_in_one_group_at_its_rate(make_model):
    config = FitConfig(lr=0.1, weight_decay=0.5)
    for adapter, expected in (("lora", 1), ("finetune", 8)):
        model = make_model(adapter)
        found = groups(model, config)
        assert len(found) == expected
        parameters = [id(p) for group in found for p in group["params"]]
        assert sorted(parameters) == sorted(id(p) for p in model.trainable().values())
        assert max(group["lr"] for group in found) == 0.1
        assert {group["weight_decay"] for group in found} <= {0.0, 0.5}


@pytest.mark.soak
def test_a_fine_tuned_run_is_repeated_by_its_seed(data, make_model, tmp_path):
    first, second = (
        zoo.fit(make_model("finetune"), data, tmp_path / str(i), epochs=2, lr=1e-3) for i in (0, 1)
    )
    ours = first.model.backbone.module.state_dict()
    for name, tensor in second.model.backbone.module.state_dict().items():
        assert torch.equal(tensor, ours[name]), name


@pytest.mark.parametrize("name", ["cosine", "one-cycle", "linear", "constant"])
def test_a_schedule_rises_to_the_highest_rate_and_ends_as_its_name_says(name):
    schedule = schedule_of(FitConfig(schedule=name, warmup=0.2), 100)
    factors = [schedule.factor(step) for step in range(100)]
    assert max(factors) == pytest.approx(1.0)
    assert factors.index(max(factors)) in (19, 20)
    assert factors[:20] == sorted(factors[:20])
    assert all(a >= b for a, b in itertools.pairwise(factors[20:]))
    assert factors[-1] == 1.0 if name == "constant" else factors[-1] < 0.02


def test_one_cycle_moves_momentum_against_the_rate():
    schedule = schedule_of(FitConfig(schedule="one-cycle", warmup=0.3), 100)
    momenta = [schedule.momentum(step) for step in range(100)]
    assert momenta[0] == pytest.approx(0.95)
    assert momenta[30] == min(momenta) == pytest.approx(0.85)
    assert momenta[-1] > 0.94


OPTIONS = {"epochs": 3, "lr": 0.003, "batch_size": 16, "patience": 50}


def weights(run):
    return (run.folder / "artifact/adapter_model.safetensors").read_bytes()


@pytest.mark.soak
@pytest.mark.parametrize("schedule", ["one-cycle", "linear", "constant"])
def test_each_schedule_is_told_to_the_optimizer(schedule, data, make_model, tmp_path):
    plain = zoo.fit(make_model(), data, tmp_path / "plain", **OPTIONS)
    other = zoo.fit(make_model(), data, tmp_path / "other", schedule=schedule, **OPTIONS)
    assert [line["lr"] for line in lines(other)[1:]] != [line["lr"] for line in lines(plain)[1:]]


@pytest.mark.soak
@pytest.mark.parametrize("average", ["ema", "swa"])
def test_averaged_weights_are_validated_kept_and_survive_a_kill(
    average, data, make_model, tmp_path
):
    options = {"average": average, "checkpoint_steps": 3, **OPTIONS, "epochs": 4}
    plain = zoo.fit(make_model(), data, tmp_path / "plain", **(options | {"average": "none"}))
    whole = zoo.fit(make_model(), data, tmp_path / "whole", **options)
    last_plain, last = lines(plain)[-1], lines(whole)[-1]
    assert last["train_loss"] == last_plain["train_loss"]  # it is the same training
    assert last["val"] != last_plain["val"]
    out = tmp_path / "run"
    assert killed_fit(make_model, data, out, At("epoch 4/4", 5), **options) == signal.SIGKILL
    resumed = zoo.fit(make_model(), data, out, resume=True, **options)
    assert weights(resumed) == weights(whole)
    assert [line["val"] for line in lines(resumed)] == [line["val"] for line in lines(whole)]


def test_the_average_is_the_mean_of_the_last_epochs(make_model):
    model = make_model()
    moving = Moving(model)
    average = Average(moving, FitConfig(average="swa"), epochs=8)
    parameter = next(iter(model.trainable().values()))
    for epoch in range(1, 9):
        with torch.no_grad():
            parameter.fill_(epoch)
        average.after_epoch(epoch)
    with average.applied():
        assert parameter.mean() == 7.5  # of epochs 7 and 8
    assert parameter.mean() == 8


def test_a_sampler_draws_each_class_as_often():
    targets = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    split = PreparedSplit("train", None, targets)
    order = shuffled(split, DigitPreprocess(), 50, torch.Generator(), class_weights(targets))
    drawn = torch.bincount(targets[[row for rows in order for row in rows]])
    assert len(order) == 20
    assert drawn.min() > 270


def test_a_sampler_for_targets_that_are_no_classes_is_refused():
    with pytest.raises(BadSetting, match="no classes"):
        class_weights(torch.rand(5))


def test_recomputing_blocks_changes_nothing_but_what_is_kept(data, make_model, tmp_path):
    kept = zoo.fit(make_model("finetune"), data, tmp_path / "kept", epochs=1, lr=1e-4)
    model = make_model("finetune")
    again = zoo.fit(model, data, tmp_path / "again", epochs=1, lr=1e-4, gradient_checkpointing=True)
    assert [line["train_loss"] for line in lines(again)[1:]] == pytest.approx(
        [line["train_loss"] for line in lines(kept)[1:]], rel=1e-6
    )
    assert not any("forward" in vars(module) for module in model.modules())


@pytest.mark.parametrize("precision", ["no", "bf16"])
def test_what_is_recomputed_is_computed_as_before(precision, monkeypatch, tmp_path):
    monkeypatch.setattr(products, "_FROM", 1)
    monkeypatch.setattr(products, "_is_faster", torch.backends.mkldnn.is_available)
    rows = [f"{word} {at},{word}\n" for at in range(30) for word in ("good", "bad")]
    (tmp_path / "texts.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")
    texts, losses = zoo.load_data(tmp_path / "texts.csv"), []
    for again in (False, True):
        task = zoo.task("classification", labels=texts.labels)
        model = zoo.compose(reference_backbones()["reference:text"](), "finetune", task)
        asked = {"epochs": 1, "precision": precision, "gradient_checkpointing": again}
        config = FitConfig.resolve(model.adapter.spec.training, asked)
        job = Job(model, texts, config, Silent())
        outcome = train(model, job.task, job.splits, config, progress=Silent())
        losses.append(outcome.history[-1]["train_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_recomputed_blocks_are_run_twice_a_step(make_model):
    model, calls = make_model("finetune"), []
    stage = model.backbone.module.get_submodule("stage2")
    stage.conv.register_forward_hook(lambda *_: calls.append(None))
    pixels = {"pixels": torch.rand(2, 1, 8, 8)}
    with recomputed(model.backbone, contextlib.nullcontext):
        model(pixels)["classification"].sum().backward()
    assert len(calls) == 2
    assert stage.conv.weight.grad is not None
