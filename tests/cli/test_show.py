"""`zoo show`: names, artifacts and runs."""

import shutil

import pytest

from tests.cli.commands import zoo


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
    assert settings["roles"]["choices"] == ["attention", "mlp", "conv"]


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
    assert ended.err.startswith("Error: Unknown name 'loar'. Did you mean 'lora'?\n")
    assert zoo("show", "vision:digit").err.startswith(
        "Error: Unknown backbone 'vision:digit'. Did you mean 'vision:digits'"
    )


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
