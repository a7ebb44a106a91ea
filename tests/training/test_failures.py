"""What goes wrong inside training: numbers that are none, and too little memory."""

import contextlib
import shutil

import pytest
import torch

import zoo
from zoo.errors import TrainingFailed
from zoo.progress import Silent
from zoo.report.record import read_record

OPTIONS = {"epochs": 3, "lr": 0.01, "batch_size": 16, "patience": 50}


class Notes(Silent):
    """Remembers what was said."""

    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


class Steps(Silent):
    """Counts the steps of the first epoch."""

    done = None

    @contextlib.contextmanager
    def stage(self, name, total):
        if name == "epoch 1/3":
            self.done = 0

        def advance(units):
            if name == "epoch 1/3":
                self.done += units

        yield advance


def after_calls(count, model, answer):
    """A forward hook whose ``answer`` replaces outputs in training once it was called so often."""
    seen = [0]

    def hook(module, inputs, output):
        seen[0] += model.training
        return answer(output) if model.training and seen[0] > count else None

    return hook


def test_a_layer_that_gives_no_numbers_is_named_and_the_last_good_state_is_kept(
    make_model, data, digits, tmp_path
):
    out, model = tmp_path / "run", make_model()
    batches = -(-data.rows["train"] // 16)
    stage = model.backbone.module.get_submodule("stage2")
    stage.register_forward_hook(after_calls(batches + 2, model, lambda output: output / 0))
    with pytest.raises(
        TrainingFailed,
        match=rf"(?s)loss became (nan|inf) in epoch 2, batch 3 of {batches}, first in the output of "
        r"backbone\.module\.stage2 \(Stage\).*--lr",
    ):
        zoo.fit(model, data, out, **OPTIONS)
    record = read_record(out)
    assert record.status == "failed"
    assert any("this is the state of epoch" in note for note in record.notes)
    assert zoo.evaluate(out, digits).metrics["accuracy"] > 0.5


def test_a_gradient_that_is_no_number_changes_no_weight(make_model, data, tmp_path):
    model = make_model()
    name, spoilt = next((n, p) for n, p in model.trainable().items() if "lora_A" in n)
    steps = Steps()

    def spoil(gradient):
        return gradient * float("nan") if steps.done == 3 else gradient

    spoilt.register_hook(spoil)
    with pytest.raises(TrainingFailed, match=rf"gradient became nan in epoch 1, batch 4.*{name}"):
        zoo.fit(model, data, tmp_path / "run", progress=steps, **OPTIONS)
    assert all(p.isfinite().all() for p in model.trainable().values())


def no_room_above(rows, kind):
    """A forward hook that finds no memory for larger batches while gradients are computed."""

    def hook(module, inputs):
        if torch.is_grad_enabled() and len(inputs[0]) > rows:
            if kind is RuntimeError:
                raise RuntimeError(
                    "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: "
                    "not enough memory: you tried to allocate 90000000000 bytes."
                )
            raise kind("out of memory")

    return hook


@pytest.mark.parametrize(
    "kind",
    [
        torch.OutOfMemoryError,
        *(pytest.param(kind, marks=pytest.mark.soak) for kind in (RuntimeError, MemoryError)),
    ],
)
def test_out_of_memory_takes_fewer_rows_at_a_time_and_ends_at_the_same_place(
    kind, make_model, data, tmp_path
):
    expected = zoo.fit(make_model("finetune"), data, tmp_path / "enough", **OPTIONS)
    model, told = make_model("finetune"), Notes()
    model.backbone.module.register_forward_pre_hook(no_room_above(5, kind))
    run = zoo.fit(model, data, tmp_path / "short", progress=told, **OPTIONS)
    said = "Out of memory in epoch 1, batch 1 of 7: from there on 4 rows were computed at a time"
    assert any(line.startswith(said) for line in told.said)
    assert any(note.startswith(said) for note in run.record.notes)
    assert not any("Batch norms" in note for note in run.record.notes)
    for mine, theirs in zip(model.parameters(), expected.model.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("cached", [True, False])
def test_too_little_memory_for_features_takes_fewer_rows_and_gives_the_same(
    cached, make_model, data, tmp_path, monkeypatch
):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path / "cache") if cached else "off")
    found = []
    for short in (False, True):
        model, told = make_model("linear-probe"), Notes()
        if short:
            shutil.rmtree(tmp_path / "cache", ignore_errors=True)
            model.backbone.module.register_forward_pre_hook(no_room_at_all_above(9))
        run = zoo.fit(model, data, tmp_path / f"run{short}", progress=told)
        assert any("going on with 8 rows" in line for line in told.said) == short
        found.append(run.model.heads["classification"].weight)
    torch.testing.assert_close(*found, rtol=0, atol=1e-3)


def no_room_at_all_above(rows):
    """A hook that finds no memory for larger batches."""

    def hook(module, inputs):
        if len(inputs[0]) > rows:
            raise torch.OutOfMemoryError("out of memory")

    return hook


def test_batch_norms_that_follow_the_data_are_warned_of(make_model, data, tmp_path):
    model = make_model("finetune", batch_norm="updated")
    model.backbone.module.register_forward_pre_hook(no_room_above(8, torch.OutOfMemoryError))
    run = zoo.fit(model, data, tmp_path / "run", **OPTIONS)
    assert any("Batch norms took their statistics" in note for note in run.record.notes)


def test_no_room_for_a_single_row_says_what_to_do(make_model, data, tmp_path):
    model = make_model()
    model.backbone.module.register_forward_pre_hook(no_room_above(0, torch.OutOfMemoryError))
    with pytest.raises(TrainingFailed, match=r"(?s)single row.*linear-probe"):
        zoo.fit(model, data, tmp_path / "run", **OPTIONS)


def test_a_micro_batch_adds_up_to_the_whole_batch(make_model, data, tmp_path):
    whole = zoo.fit(make_model("finetune"), data, tmp_path / "whole", **OPTIONS)
    parts = zoo.fit(make_model("finetune"), data, tmp_path / "parts", micro_batch=3, **OPTIONS)
    for mine, theirs in zip(parts.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-5)


def test_another_runtime_error_is_passed_on(make_model, data, tmp_path):
    model = make_model()

    def broken(module, inputs):
        if torch.is_grad_enabled():
            raise RuntimeError("a bug")

    model.backbone.module.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="a bug"):
        zoo.fit(model, data, tmp_path / "run", **OPTIONS)
