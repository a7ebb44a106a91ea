"""Sweeps: every combination once, the best by validation, and nothing fitted twice."""

import json

import pytest

import zoo
from tests.training.killed import At
from zoo.errors import BadSetting, TrainingFailed, UnknownName
from zoo.progress import Silent

GRID = {
    "backbones": ["vision:digits"],
    "adapters": ["linear-probe"],
    "settings": {"l2": ["0.001", "0.1", "10"]},
}


class Fits(Silent):
    """Remembers notes and counts extractions."""

    def __init__(self):
        self.notes, self.begun = [], []

    def stage(self, name, total):
        self.begun.append(name)
        return super().stage(name, total)

    def note(self, text):
        self.notes.append(text)


def test_every_combination_is_a_run_and_the_best_by_validation_comes_first(data, tmp_path):
    found = zoo.sweep(data, tmp_path, **GRID, seeds=2)
    assert len(found.trials) == 6
    assert [each.name for each in found.ranked] == sorted(
        {trial.name for trial in found.trials},
        key=lambda name: sum(t.value for t in found.trials if t.name == name),
    )
    for trial in found.trials:
        assert trial.results["val"]["log_loss"] == trial.value
        assert zoo.load(tmp_path / trial.folder).adapter.settings["l2"] == float(
            trial.settings["l2"]
        )
    written = json.loads((tmp_path / "sweep.json").read_text())
    assert [trial["folder"] for trial in written["trials"]] == [t.folder for t in found.trials]
    mean, spread = found.ranked[0].results["test"]["accuracy"]
    of_best = [t for t in found.trials if t.name == found.ranked[0].name]
    assert mean == pytest.approx(sum(t.results["test"]["accuracy"] for t in of_best) / 2)
    assert spread >= 0


def test_the_same_sweep_again_fits_nothing(data, tmp_path):
    first = zoo.sweep(data, tmp_path, **GRID)
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("run.json")}
    again = zoo.sweep(data, tmp_path, **GRID)
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("run.json")} == stamps


def test_a_sweep_that_was_cut_short_goes_on(data, tmp_path):
    grid = {
        "backbones": ["vision:digits"],
        "adapters": ["lora"],
        "settings": {"rank": ["2", "4"]},
        "training": {"epochs": ["2"], "lr": ["0.003"]},
    }
    whole = zoo.sweep(data, tmp_path / "whole", **grid)
    with pytest.raises(KeyboardInterrupt):
        zoo.sweep(data, tmp_path / "cut", **grid, progress=At("epoch 2/2", 2, number=2))
    told = Fits()
    found = zoo.sweep(data, tmp_path / "cut", **grid, progress=told)
    assert told.begun.count("epoch 1/2") == 1  # of the second combination alone
    assert [trial.results for trial in found.trials] == [trial.results for trial in whole.trials]


def test_what_cannot_be_fitted_is_told_and_the_rest_goes_on(data, tmp_path):
    grid = {
        "backbones": ["vision:digits"],
        "adapters": ["partial", "linear-probe"],
        "settings": {"last_blocks": ["99"]},
        "training": {"epochs": ["1"]},
    }
    found = zoo.sweep(data, tmp_path, **grid)
    assert found.trials[0].failure == "vision:digits has 3 blocks, not 99."
    assert [each.name for each in found.ranked] == ["vision:digits linear-probe epochs=1"]
    with pytest.raises(TrainingFailed, match=r"None of the 1 fits.*has 3 blocks"):
        zoo.sweep(data, tmp_path / "none", **(grid | {"adapters": ["partial"]}))


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"settings": {"depth": ["1"]}}, BadSetting, "None of linear-probe has a setting 'depth'"),
        ({"settings": {"l2": ["much"]}}, BadSetting, "l2"),
        ({"training": {"lr": ["-1"]}}, BadSetting, "lr"),
        ({"adapters": ["loar"]}, UnknownName, "lora"),
    ],
)
def test_what_no_adapter_takes_is_refused_before_anything_is_fitted(
    change, error, text, data, tmp_path
):
    with pytest.raises(error, match=text):
        zoo.sweep(data, tmp_path / "out", **(GRID | change))
    assert list(tmp_path.iterdir()) == []


def test_optuna_proposes_and_repeats_nothing(data, tmp_path):
    pytest.importorskip("optuna")
    found = zoo.sweep(data, tmp_path, **GRID, search="optuna", trials=6)
    names = [trial.name for trial in found.trials]
    assert 1 <= len(names) <= 3
    assert len(set(names)) == len(names)
