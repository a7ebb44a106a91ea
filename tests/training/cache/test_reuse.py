"""Fits that do not compute frozen blocks again: the same result, and less work."""

import contextlib
import shutil

import pytest
import torch

import zoo
from zoo.progress import Silent
from zoo.training.cache.reuse import Reuse
from zoo.training.cache.room import FOLDER, LIMIT

OPTIONS = {"epochs": 3, "lr": 1e-3, "patience": 9, "batch_size": 16, "augment": "none"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


@pytest.fixture
def fit(data, make_model, tmp_path):
    runs = []

    def run(adapter="partial", *, seed=0, progress=None, **settings):
        model = make_model(adapter, seed=seed, **settings)
        runs.append(rows_through(model.backbone.module.stage1.conv))
        out = tmp_path / f"run{len(runs)}"
        made = zoo.fit(model, data, out, seed=seed, progress=progress or Silent(), **OPTIONS)
        return made, runs[-1]

    return run


def rows_through(layer):
    rows = []
    layer.register_forward_hook(lambda _, inputs, output: rows.append(len(output)))
    return rows


def tensors(run):
    return {**run.model.backbone.module.state_dict(), **run.model.heads.state_dict()}


def close(one, other):
    assert one.metrics.keys() == other.metrics.keys()
    for name, tensor in tensors(other).items():
        torch.testing.assert_close(tensors(one)[name], tensor, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("adapter", "settings"),
    [
        ("partial", {"last_blocks": 1}),
        pytest.param("finetune", {"freeze_epochs": 2}, marks=pytest.mark.soak),
        ("lora", {"last_blocks": 1, "dropout": 0.0}),
    ],
)
def test_training_ends_where_it_ends_without(fit, cache, monkeypatch, adapter, settings):
    kept, computed = fit(adapter, **settings)
    shutil.rmtree(cache)
    monkeypatch.setattr(Reuse, "active", lambda self, epoch=0: contextlib.nullcontext())
    plain, computed_without = fit(adapter, **settings)
    close(kept, plain)
    assert sum(computed) < sum(computed_without)


def test_frozen_blocks_see_each_row_once_and_in_a_later_run_only_what_is_compared(fit, data, cache):
    rows = sum(data.rows.values())
    _, first = fit(last_blocks=1)
    assert sum(first) < 1.5 * rows  # and a few to try it with
    _, second = fit(last_blocks=1, seed=1)
    assert sum(second) < 0.5 * rows
    assert any(cache.rglob("*.safetensors"))


def test_a_probe_after_that_computes_nothing_but_what_is_compared(fit, data):
    fit(last_blocks=1)
    _, computed = fit("linear-probe")
    assert sum(computed) < 0.3 * sum(data.rows.values())


def test_the_same_seed_gives_the_same_bits_whether_things_were_kept_or_not(fit):
    cold, _ = fit(last_blocks=1)
    warm, _ = fit(last_blocks=1)
    for name, tensor in tensors(cold).items():
        assert torch.equal(tensors(warm)[name], tensor), name


class Notes(Silent):
    def __init__(self):
        self.said = []

    def note(self, text):
        self.said.append(text)


def test_a_flipped_bit_is_noticed_and_the_rows_are_computed_again(fit, cache):
    sound, _ = fit(last_blocks=1)
    for file in cache.rglob("*.safetensors"):
        data = bytearray(file.read_bytes())
        data[-9] ^= 4
        file.write_bytes(data)
    notes = Notes()
    again, _ = fit(last_blocks=1, progress=notes)
    assert any("damaged" in text for text in notes.said)
    assert any("damaged" in text for text in again.record.notes)
    for name, tensor in tensors(sound).items():
        assert torch.equal(tensors(again)[name], tensor), name


def test_where_nothing_can_be_written_memory_serves_and_that_is_said(fit, cache):
    cache.write_text("a file where the folder should be")
    notes = Notes()
    run, computed = fit(last_blocks=1, progress=notes)
    assert any("in memory only" in text and str(cache) in text for text in notes.said)
    assert run.metrics
    assert sum(computed) < 500


def test_a_limit_that_is_too_small_is_said_with_the_way_to_change_it(fit, cache, monkeypatch):
    monkeypatch.setenv(LIMIT, "1KB")
    notes = Notes()
    fit(last_blocks=1, progress=notes)
    assert any(LIMIT in text for text in notes.said)
    assert not any(cache.rglob("*.safetensors"))


def test_the_size_is_announced(fit, cache):
    notes = Notes()
    fit(last_blocks=1, progress=notes)
    assert any("Keeping stage3 of" in t and "kB" in t and str(cache) in t for t in notes.said)


def test_some_views_of_each_image_are_kept_and_change_no_result(
    data, make_model, tmp_path, monkeypatch
):
    found = []
    for name in ("kept", "off"):
        model = make_model("partial", last_blocks=1)
        rows = rows_through(model.backbone.module.stage1.conv)
        if name == "off":
            monkeypatch.setattr(Reuse, "active", lambda self, epoch=0: contextlib.nullcontext())
        options = {**OPTIONS, "epochs": 5, "augment": "crop", "views": 2}
        run = zoo.fit(model, data, tmp_path / name, **options)
        said = any("2 changes of each image (crop) in turn" in note for note in run.record.notes)
        assert said == (name == "kept")
        found.append((run, sum(rows)))
    (kept, few), (plain, many) = found
    close(kept, plain)
    train = data.rows["train"]
    # Plain rows for the head, and two views; without it five epochs of training and of validation.
    assert few < 3.5 * train + data.rows["val"] + data.rows["test"] < many


def test_inputs_that_change_forbid_it_and_the_run_says_so(data, make_model, tmp_path):
    model = make_model("partial", last_blocks=1)
    run = zoo.fit(model, data, tmp_path / "run", **{**OPTIONS, "epochs": 1, "augment": "crop"})
    assert any("crop" in note and "--augment none" in note for note in run.record.notes)
