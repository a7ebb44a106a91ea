"""`zoo show`: names, artifacts and runs."""

import hashlib
import shutil

import pytest

from tests.artifact.signing_keys import make_key
from tests.cli.commands import zoo
from zoo.artifact.signing import sign
from zoo.cli.measuring import measure


def test_an_adapter_is_shown_with_each_setting_its_default_and_bounds():
    ended = zoo("show", "lora")
    assert ended.code == 0
    rank = next(line for line in ended.out.splitlines() if line.startswith("rank"))
    assert rank.split()[1:5] == ["8", "1", "…", "1024"]
    dora = next(line for line in ended.out.splitlines() if line.startswith("dora"))
    assert dora.split()[1:5] == ["false", "true", "|", "false"]
    settings = {s["name"]: s for s in zoo("show", "lora", "--json").data["settings"]}
    assert settings["rank"]["default"] == 8
    assert settings["rank"]["maximum"] == 1024
    assert settings["roles"]["choices"] == ["attention", "mlp", "conv", "linear"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("vision:digits", "backbone"),
        ("digits", "backbone"),
        ("timm:resnet18", "backbone"),
        ("linear-probe", "adapter"),
        ("classification", "task"),
        ("few-texts", "recipe"),
    ],
)
def test_every_kind_of_name_is_found(name, kind):
    ended = zoo("show", name)
    assert ended.code == 0
    assert ended.out.startswith(f"{kind} ")
    assert zoo("show", name, "--json").data["kind"] == kind


def test_a_near_miss_is_suggested():
    ended = zoo("show", "loar")
    assert ended.code == 2
    assert ended.err.startswith("Error: Unknown name 'loar'. Did you mean 'lora'")
    assert "Unknown name 'peft:ia4'. Did you mean 'peft:ia3'" in zoo("show", "peft:ia4").err
    assert zoo("show", "vision:digit").err.startswith(
        "Error: Unknown backbone 'vision:digit'. Did you mean 'vision:digits'"
    )


@pytest.mark.parametrize("space", ["vectors", "hf", "timm"])
def test_a_backbone_that_is_a_path_with_nothing_there_is_told(tmp_path, monkeypatch, space):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("./none", f"{tmp_path}/none", "~/none"):
        ended = zoo("show", f"{space}:{path}")
        assert (ended.code, ended.out) == (2, "")
        assert f"There is no {path} here, which {space}:{path} stands for." in ended.err
    (tmp_path / "none").mkdir()
    for path in ("./none", f"{tmp_path}/none", "~/none"):
        assert zoo("show", f"{space}:{path}").code == 0


def test_a_backbone_that_was_a_path_elsewhere_is_shown_with_its_weights(tmp_path):
    assert zoo("show", "hf:./none", "--weights", tmp_path).code == 0


def test_a_run_and_its_artifact_show_the_same_manifest(run):
    shown = zoo("show", run, "--json").data
    assert shown["kind"] == "artifact"
    assert shown["adapter"]["settings"]["rank"] == 2
    assert shown["tasks"][0]["labels"] == ["5", "6", "7", "8", "9"]
    assert zoo("show", run / "artifact", "--json").data == shown
    people = zoo("show", run).out
    assert "5 labels: 5, 6, 7, 8, 9" in people
    assert shown["backbone"]["digest"] in people
    assert "this model on test" in people


def test_a_folder_called_as_an_adapter_does_not_hide_it(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lora").mkdir()
    assert zoo("show", "lora").out.startswith("adapter lora")
    shutil.copytree(run / "artifact", tmp_path / "lora", dirs_exist_ok=True)
    assert zoo("show", "lora").out.startswith("artifact lora")
    assert zoo("show", "./lora").out.startswith("artifact ./lora")


def test_a_path_without_an_artifact_says_what_one_is(tmp_path):
    ended = zoo("show", tmp_path)
    assert ended.code == 2
    assert "is not an artifact" in ended.err
    assert "`zoo fit --out`" in ended.err


def test_an_artifact_shows_its_licences_its_size_and_who_signed_it(run, tmp_path):
    people = zoo("show", run).out
    assert "signed    no" in people
    assert "license   apache-2.0 (backbone apache-2.0, data not stated)" in people
    shown = zoo("show", run, "--json").data
    manifest = (run / "artifact/zoo.json").read_bytes()
    assert shown["digest"] == hashlib.sha256(manifest).hexdigest()
    assert (shown["signed"], shown["commit"]) == (None, None)
    assert f"manifest  {shown['digest']}" in people

    shutil.copytree(run / "artifact", tmp_path / "a")
    private, _ = make_key(tmp_path, "ann")
    (tmp_path / "a/model.sig").write_bytes(sign(manifest, private))
    assert zoo("show", tmp_path / "a", "--json").data["signed"]["by"] is None
    assert ", not checked" in zoo("show", tmp_path / "a").out


def test_a_backbone_shows_what_it_was_trained_for_and_how_it_was_checked():
    shown = zoo("show", "nlp:e5-small")
    facts = dict(line.split(None, 1) for line in shown.out.splitlines()[1:])
    assert facts["prefix"] == "query:"
    assert facts["pooling"] == "mean"
    assert facts["lower-cases"] == "yes"
    assert facts["verified"].startswith("architecture: built and run")
    assert zoo("show", "nlp:e5-small", "--json").data["facts"]["prefix"] == "query: "


def test_a_backbone_is_measured_here_on_request(monkeypatch):
    monkeypatch.setattr("zoo.cli.measuring._SECONDS", 0.01)
    found = zoo("show", "digits", "--measure", "--json").data["latency"]
    assert 0 < found["milliseconds"] < 1000
    assert found["per_second"] > 1
    assert found["threads"] >= 1
    assert " ms an input here, " in zoo("show", "digits", "--measure").out
    assert "latency" not in zoo("show", "digits", "--json").data


def test_a_model_of_no_catalogue_shows_its_sizes_once_it_is_built(monkeypatch):
    monkeypatch.setattr("zoo.cli.measuring._SECONDS", 0.01)
    ended = zoo("show", "timm:resnet10t")
    assert "params" not in ended.out
    assert "`zoo show timm:resnet10t --measure` builds it to see." in ended.err
    ended = zoo("show", "timm:resnet10t", "--measure")
    shown = dict(line.split(None, 1) for line in ended.out.splitlines()[1:])
    assert shown["params"] == "4.92 M"
    assert shown["feature_size"] == "512"
    assert shown["input_size"] == "3 × 176 × 176"
    assert "--measure" not in ended.err


@pytest.mark.parametrize("name", ["nlp:minilm", "vision:digits"])
def test_what_is_measured_is_what_the_catalogue_says(name, monkeypatch):
    monkeypatch.setattr("zoo.cli.measuring._SECONDS", 0.01)
    known = zoo("show", name, "--json").data
    found = measure(name)
    assert {key: found[key] for key in found if key != "latency"} == {
        key: known[key] for key in found if key != "latency"
    }


def test_only_backbones_are_measured(run):
    assert zoo("show", "lora", "--measure").code == 2
    ended = zoo("show", run, "--measure")
    assert ended.code == 2
    assert "--measure is of a backbone, not of an artifact." in ended.err
