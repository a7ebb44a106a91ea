"""zoo.fit: what it trains, what it keeps, and what a run leaves behind."""

import signal
import subprocess
import sys
import time

import pytest
import torch
from torch import nn

import zoo
from zoo.errors import BadSetting, ColumnMissing, OutputExists, TrainingFailed
from zoo.progress import Silent
from zoo.report.record import read_history, read_record
from zoo.training.config import FitConfig


def by_model(run, split="test"):
    return {r.model: r.metrics for r in run.record.results if r.split == split}


@pytest.mark.parametrize("adapter", ["linear-probe", "lora"])
def test_both_adapters_beat_the_majority_class_by_far(adapter, make_model, data, tmp_path):
    run = zoo.fit(make_model(adapter), data, tmp_path / "run", epochs=4)
    results = by_model(run)
    assert run.metrics == results["this model"]
    assert run.metrics["accuracy"] > results["majority class"]["accuracy"] + 0.4
    assert run.record.status == "finished"
    assert {c.split for c in run.record.confusions} == {"val", "test"}


def test_a_gradient_adapter_is_shown_beside_the_probe_and_starts_from_it(
    make_model, data, tmp_path
):
    run = zoo.fit(make_model(), data, tmp_path / "run", epochs=2)
    assert set(by_model(run)) == {"this model", "majority class", "linear-probe"}
    history = read_history(run.folder)
    probe = by_model(run, "val")["linear-probe"]
    assert history[0]["epoch"] == 0
    assert history[0]["val"]["accuracy"] == probe["accuracy"]
    assert history[0]["val"]["log_loss"] == pytest.approx(probe["log_loss"], rel=1e-2)  # tempered
    kept = history[run.record.config["best_epoch"]]["val"]["log_loss"]
    assert by_model(run, "val")["this model"]["log_loss"] == pytest.approx(kept, rel=1e-2)


@pytest.mark.parametrize("adapter", ["lora", "finetune"])
def test_a_head_that_no_probe_can_fit_is_trained_from_new(
    adapter, make_model, data, tmp_path, monkeypatch
):
    def deep(task, size, *, bias=True):
        return nn.Sequential(
            nn.Linear(size, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, len(task.labels))
        )

    monkeypatch.setattr(type(zoo.task("classification", labels=data.labels)), "head", deep)
    run = zoo.fit(make_model(adapter), data, tmp_path / "run", epochs=6, lr=0.003)
    results = by_model(run)
    assert set(results) == {"this model", "majority class"}
    assert results["this model"]["accuracy"] > results["majority class"]["accuracy"] + 0.3
    assert any("linear-probe needs a linear head" in note for note in run.record.notes)
    zoo.load(run.folder)  # and answers there as it did here


def test_scratch_trains_the_same_architecture_without_its_weights(make_model, data, tmp_path):
    run = zoo.fit(
        make_model("linear-probe"), data, tmp_path / "run", baselines=("scratch",), epochs=1
    )
    results = by_model(run)
    assert results["from scratch"]["accuracy"] < results["this model"]["accuracy"]


def test_scratch_is_not_held_to_the_patience_meant_for_pretrained_weights(
    make_model, data, tmp_path
):
    def scratch(patience):
        options = {"baselines": ("scratch",), "epochs": 6, "lr": 0.05, "patience": patience}
        return by_model(
            zoo.fit(make_model("linear-probe"), data, tmp_path / f"run{patience}", **options)
        )["from scratch"]

    assert scratch(1) == scratch(6)


@pytest.mark.parametrize("refit", [True, False])
def test_figures_from_before_a_last_fit_are_said_to_be(refit, make_model, data, tmp_path):
    run = zoo.fit(make_model("linear-probe", refit=refit), data, tmp_path / "run")
    said = "Figures on validation rows are from before the head was fitted on them too."
    assert (said in run.record.notes) == refit


def test_frozen_tensors_and_buffers_are_untouched(make_model, data, tmp_path):
    model = make_model()
    frozen = {n: t.clone() for n, t in model.backbone.state_dict().items() if ".lora_" not in n}
    assert any("running_mean" in name for name in frozen)
    zoo.fit(model, data, tmp_path / "run", epochs=2, lr=0.01)
    after = model.backbone.state_dict()
    assert all(torch.equal(frozen[name], after[name]) for name in frozen)


def test_a_seed_repeats_a_run_to_the_bit(make_model, data, tmp_path):
    def weights(name, seed):
        zoo.fit(make_model(seed=seed), data, tmp_path / name, epochs=2, seed=seed, lr=0.01)
        return (tmp_path / name / "artifact" / "adapter_model.safetensors").read_bytes()

    assert weights("a", 1) == weights("b", 1)
    assert weights("a2", 1) != weights("c", 2)


def test_fitting_leaves_the_callers_random_state_alone(make_model, data, tmp_path):
    model = make_model()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    zoo.fit(model, data, tmp_path / "run", epochs=1)
    assert torch.equal(torch.rand(1), expected)


def test_the_run_folder_reloads_to_the_same_answers(make_model, data, tmp_path):
    run = zoo.fit(make_model(), data, tmp_path / "run", epochs=2)
    inputs = list(data.splits["test"].inputs)
    again = zoo.load(run.folder)
    assert [p.scores for p in again.predict(inputs)] == [
        p.scores for p in run.model.predict(inputs)
    ]
    assert read_record(run.folder).results == run.record.results
    assert run.report().read_text().startswith("<!doctype html>")


def test_training_stops_when_validation_no_longer_improves(make_model, data, tmp_path):
    run = zoo.fit(make_model(), data, tmp_path / "run", epochs=40, patience=1, lr=0.05)
    assert len(read_history(run.folder)) < 41


def test_a_diverging_run_says_so_and_leaves_nothing(make_model, data, tmp_path):
    model = make_model()
    with torch.no_grad():
        next(p for n, p in model.trainable().items() if "lora_B" in n).fill_(float("nan"))
    with pytest.raises(TrainingFailed, match=r"(?s)loss became nan.*--lr"):
        zoo.fit(model, data, tmp_path / "run", epochs=1, baselines=())
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_run_is_not_overwritten_unless_asked(make_model, data, tmp_path):
    out = tmp_path / "run"
    zoo.fit(make_model("linear-probe"), data, out)
    before = (out / "run.json").read_bytes()
    with pytest.raises(OutputExists, match=r"(?s)holds an earlier run.*--overwrite"):
        zoo.fit(make_model("linear-probe"), data, out)
    assert (out / "run.json").read_bytes() == before
    zoo.fit(make_model("linear-probe"), data, out, overwrite=True, seed=3)
    assert read_record(out).config["training"]["seed"] == 3


def test_a_folder_that_is_no_run_is_never_replaced(make_model, data, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").write_text("years of work")
    with pytest.raises(OutputExists, match="not a run"):
        zoo.fit(make_model("linear-probe"), data, tmp_path / "thesis", overwrite=True)
    assert (tmp_path / "thesis" / "chapter1.tex").exists()


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"epochs": 0}, r"epochs=0: input should be greater than or equal to 1"),
        ({"lr": -1.0}, r"lr=-1.0: input should be greater than 0"),
        ({"learning_rate": 1e-3}, "There is no training option 'learning_rate'"),
        ({"precision": "int4"}, r"precision='int4'"),
    ],
)
def test_bad_options_are_named_before_anything_is_read(option, text, make_model, data, tmp_path):
    with pytest.raises(BadSetting, match=text):
        zoo.fit(make_model(), data, tmp_path / "run", **option)


def test_a_run_in_bf16_reloads_to_the_same_answers_and_binds_no_later_run(
    make_model, data, digits, tmp_path
):
    images = sorted(digits.rglob("*.png"))[:20]
    run = zoo.fit(make_model(), data, tmp_path / "run", epochs=1, precision="bf16")
    again = zoo.load(run.folder)  # compares with the answers of the model that was saved
    assert again.predict(images) == run.model.predict(images)
    zoo.fit(make_model(), data, tmp_path / "later", epochs=1)
    zoo.load(tmp_path / "later")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU has fp16")
def test_fp16_without_a_gpu_is_refused_rather_than_left_out(make_model, data, tmp_path):
    with pytest.raises(BadSetting, match=r"(?s)precision=fp16 needs a GPU.*bf16"):
        zoo.fit(make_model(), data, tmp_path / "run", precision="fp16")


def test_data_of_another_modality_is_refused(make_model, tmp_path):
    table = tmp_path / "t.csv"
    rows = "".join(f"text number {i} of class {i % 2},{i % 2}\n" for i in range(40))
    table.write_text("text,label\n" + rows)
    with pytest.raises(ColumnMissing, match="no column holds the paths of the images"):
        zoo.fit(make_model(labels=["0", "1"]), table, tmp_path / "run")


SLOW_FIT = """
import sys, zoo
data = zoo.load_data(sys.argv[1])
task = zoo.task("classification", labels=data.labels)
model = zoo.compose("vision:digits", "lora", task)
print("ready", flush=True)
zoo.fit(model, data, sys.argv[2], epochs=100000, patience=100000, lr=1e-4)
"""


@pytest.fixture
def slow_fit(digits, tmp_path):
    """A real process that fits into ``tmp_path / "run"`` for longer than any test waits."""
    command = [sys.executable, "-c", SLOW_FIT, str(digits), str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ctrl_c_keeps_the_best_state_so_far_as_a_run(slow_fit, digits, tmp_path):
    out = tmp_path / "run"
    wait_for(lambda: any(h.read_text().count("\n") >= 2 for h in tmp_path.rglob("metrics.jsonl")))
    slow_fit.send_signal(signal.SIGINT)
    assert slow_fit.wait(60) != 0
    assert read_record(out).status == "interrupted"
    assert zoo.load(out).predict([next(digits.rglob("*.png"))])
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_a_killed_fit_leaves_no_run_and_is_not_begun_anew_unless_asked(
    slow_fit, data, make_model, tmp_path
):
    out = tmp_path / "run"
    wait_for(lambda: any(tmp_path.rglob("request.json")))
    slow_fit.kill()
    slow_fit.wait()
    assert [p.name for p in out.iterdir()] == ["checkpoint"]
    with pytest.raises(OutputExists, match=r"(?s)not finished.*--resume.*--overwrite"):
        zoo.fit(make_model("linear-probe"), data, out)
    zoo.fit(make_model("linear-probe"), data, out, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert not (out / "checkpoint").exists()


class CtrlC(Silent):
    """Ctrl-C as a stage begins."""

    def __init__(self, when):
        self.when = when

    def stage(self, name, total):
        if name == self.when:
            signal.raise_signal(signal.SIGINT)
        return super().stage(name, total)


@pytest.mark.parametrize(
    ("adapter", "when", "split"),
    [("lora", "evaluating on test", "val"), ("linear-probe", "epoch 1/1", "test")],
)
def test_ctrl_c_after_training_keeps_what_was_trained(
    adapter, when, split, make_model, data, tmp_path, any_better_epoch
):
    options = {"epochs": 3 if adapter == "lora" else 1, "baselines": ("scratch",)}
    with pytest.raises(KeyboardInterrupt):
        zoo.fit(make_model(adapter), data, tmp_path / "run", progress=CtrlC(when), **options)
    record = read_record(tmp_path / "run")
    assert record.status == "interrupted"
    assert any(note.startswith("Interrupted") for note in record.notes)
    results = {(r.model, r.split) for r in record.results}
    assert ("this model", split) in results
    assert not any(model == "from scratch" for model, _ in results)
    zoo.load(tmp_path / "run")


def test_a_second_fit_into_one_place_is_refused(slow_fit, data, make_model, tmp_path):
    out = tmp_path / "run"
    wait_for(lambda: any(tmp_path.rglob("metrics.jsonl")))
    for how in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(OutputExists, match="Another process is fitting into"):
            zoo.fit(make_model("linear-probe"), data, out, **how)
    assert slow_fit.poll() is None
    slow_fit.send_signal(signal.SIGINT)
    slow_fit.wait(60)
    zoo.load(out)
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_out_within_a_file_is_refused_before_anything_is_read(make_model, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(OutputExists, match=r"notes.txt is a file, so .* cannot be made"):
        zoo.fit(make_model(), tmp_path / "no such data", tmp_path / "notes.txt" / "run")


def test_evaluate_measures_labelled_data(make_model, data, digits, tmp_path):
    run = zoo.fit(make_model("linear-probe"), data, tmp_path / "run")
    found = zoo.evaluate(run.folder, digits)
    assert found.rows == 150
    assert found.metrics["accuracy"] > 0.8
    assert sum(map(sum, found.confusion)) == 150
    right = [p.label == t for p, t in zip(found.predictions, found.truth, strict=True)]
    assert sum(right) / 150 == pytest.approx(found.metrics["accuracy"])


@pytest.mark.parametrize(("steps", "epochs"), [(1, 20), (50, 10), (217, 3), (100_000, 3)])
def test_little_data_is_seen_more_often(steps, epochs):
    assert FitConfig().epochs_for(steps) == epochs
    assert FitConfig(epochs=7).epochs_for(steps) == 7
