"""The fit loop and what an adapter says of rates and of what rests; it names none."""

import json

import torch

import zoo
from zoo.training.config import FitConfig
from zoo.training.optimizer import groups


def lines(run):
    return [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]


def test_patience_waits_for_what_rests(data, make_model, tmp_path):
    model = make_model("finetune", freeze_epochs=4)
    run = zoo.fit(model, data, tmp_path / "run", epochs=7, patience=1, lr=1e-5)
    assert len(lines(run)) > 5  # with epoch 0; one more than those in which the backbone rests
    assert all(p.requires_grad for p in model.backbone.module.parameters())


def test_a_fit_that_beats_no_probe_is_the_probe_and_says_so(data, make_model, tmp_path):
    model = make_model("partial")
    before = {k: v.clone() for k, v in model.backbone.module.state_dict().items()}
    run = zoo.fit(model, data, tmp_path / "run", epochs=2, patience=1, lr=1.0)
    assert run.record.config["best_epoch"] == 0
    assert any("No epoch was better" in note for note in run.record.notes)
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


def test_a_fine_tuned_run_is_repeated_by_its_seed(data, make_model, tmp_path):
    first, second = (
        zoo.fit(make_model("finetune"), data, tmp_path / str(i), epochs=2, lr=1e-3) for i in (0, 1)
    )
    ours = first.model.backbone.module.state_dict()
    for name, tensor in second.model.backbone.module.state_dict().items():
        assert torch.equal(tensor, ours[name]), name
