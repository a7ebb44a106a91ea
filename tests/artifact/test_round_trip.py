"""What is saved answers, once loaded, as it did: to the bit on one machine."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import zoo
from tests.artifact.conftest import Compose
from zoo.artifact.manifest import DataEntry, Provenance
from zoo.artifact.verify import verify
from zoo.errors import (
    ArtifactError,
    BackboneMismatch,
    NotAnArtifact,
    TrainingFailed,
    WeightsNotFound,
)
from zoo.model import ComposedModel
from zoo.report.record import Confusion, Result, RunRecord

IMAGES = [Image.effect_noise((40, 30), 80).convert("RGB"), Image.new("RGB", (20, 50), "teal")]
TEXTS = ["short", "a much longer sentence than the other one"]
SAMPLES = {
    "toy:image": IMAGES,
    "toy:native": IMAGES,
    "toy:grey": [image.convert("L") for image in IMAGES],
    "toy:text": TEXTS,
    "toy:vector": [[0.1, 0.2, 0.3, 0.4], [1.0, -1.0, 0.0, 2.0]],
}


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def record(**changes: object) -> RunRecord:
    facts = {
        "status": "finished",
        "backbone": "toy:image",
        "adapter": "lora",
        "task": "classification",
        "headline": "accuracy",
        "data": {"path": "/home/ada/insects", "fingerprint": "f" * 64, "rows": {"test": 9}},
        "config": {"training": {"seed": 3}},
        "results": [
            Result(model="this model", split="test", rows=9, metrics={"accuracy": 0.75}),
            Result(model="majority class", split="test", rows=9, metrics={"accuracy": 0.5}),
        ],
        "confusions": [
            Confusion(
                split="test",
                labels=["ants", "bees", "wasps"],
                counts=[[3, 0, 0], [1, 2, 0], [0, 1, 2]],
            )
        ],
        "versions": {"zoo": "0.1.0"},
    }
    return RunRecord.model_validate({**facts, **changes})


@pytest.mark.parametrize("adapter", ["linear-probe", "lora"])
@pytest.mark.parametrize("backbone", SAMPLES)
def test_a_loaded_model_gives_the_logits_of_the_saved_one(
    compose: Compose, tmp_path: Path, backbone: str, adapter: str
) -> None:
    task = "naming" if backbone == "toy:vector" else "classification"
    model = compose(backbone, adapter, task=task)
    before = model.logits(SAMPLES[backbone])[task]

    zoo.save(model, tmp_path / "artifact")
    loaded = zoo.load(tmp_path / "artifact")

    assert torch.equal(loaded.logits(SAMPLES[backbone])[task], before)
    assert verify(tmp_path / "artifact").difference == 0.0


@pytest.mark.parametrize(
    ("backbone", "adapter", "expected"),
    [
        ("toy:image", "linear-probe", {"heads.safetensors"}),
        ("toy:native", "linear-probe", {"heads.safetensors"}),
        (
            "toy:image",
            "lora",
            {"adapter_model.safetensors", "adapter_config.json", "heads.safetensors"},
        ),
        ("toy:native", "lora", {"adapter_model.safetensors", "adapter_config.json"}),
    ],
)
def test_only_what_training_changed_is_written(
    compose: Compose, tmp_path: Path, backbone: str, adapter: str, expected: set[str]
) -> None:
    manifest = zoo.save(compose(backbone, adapter), tmp_path / "artifact")

    assert set(manifest.files) == expected | {"probe.safetensors"}
    assert set(files(tmp_path / "artifact")) == {*manifest.files, "zoo.json", "README.md"}
    trained = sum(size.size for name, size in manifest.files.items() if name != "probe.safetensors")
    total = sum(len(content) for content in files(tmp_path / "artifact").values())
    assert total - trained < 256 * 1024


def test_a_head_has_its_native_name_where_there_is_one(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose("toy:native", "linear-probe"), tmp_path / "native")
    zoo.save(compose("toy:image", "linear-probe"), tmp_path / "other")

    assert set(load_file(tmp_path / "native/heads.safetensors")) == {
        "classifier.weight",
        "classifier.bias",
    }
    assert set(load_file(tmp_path / "other/heads.safetensors")) == {
        "classification.weight",
        "classification.bias",
    }


def test_equal_models_are_equal_bytes(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose(), tmp_path / "one", record=record())
    zoo.save(compose(), tmp_path / "two", record=record())
    zoo.save(zoo.load(tmp_path / "one"), tmp_path / "again")

    assert files(tmp_path / "one") == files(tmp_path / "two")
    first, again = files(tmp_path / "one"), files(tmp_path / "again")
    assert {name for name in first if first[name] != again.get(name)} == {
        "README.md",  # which shows the plot
        "assets/confusion.png",
    }


def test_a_model_in_training_mode_is_saved_as_it_predicts(compose: Compose, tmp_path: Path) -> None:
    model = compose()
    before = model.logits(IMAGES)["classification"]
    model.train()
    zoo.save(model, tmp_path / "artifact")

    assert model.training
    assert torch.equal(zoo.load(tmp_path / "artifact").logits(IMAGES)["classification"], before)


def test_two_heads(toys: Path, tmp_path: Path) -> None:
    tasks = [
        zoo.task("classification", labels=["ants", "bees"], name="insect"),
        zoo.task("classification", labels=["day", "dusk", "night"], name="light"),
    ]
    model = zoo.compose("toy:native", "lora", tasks)
    before = model.logits(IMAGES)
    zoo.save(model, tmp_path / "artifact")
    after = zoo.load(tmp_path / "artifact").logits(IMAGES)

    assert {name: rows.shape[1] for name, rows in after.items()} == {"insect": 2, "light": 3}
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_the_manifest_tells_how_the_model_came_about(compose: Compose, tmp_path: Path) -> None:
    model = compose()
    data = DataEntry(description="image folder", fingerprint="f" * 64, rows={"test": 9})
    told = Provenance(
        data=data, seed=3, metrics={"this model on test": {"accuracy": 0.75, "bad": float("nan")}}
    )
    zoo.save(model, tmp_path / "artifact", record=record(), provenance=told, license="MIT")
    loaded = zoo.load(tmp_path / "artifact")

    assert loaded.license == "MIT"
    assert loaded.provenance is not None
    assert loaded.provenance.data == data
    assert loaded.provenance.headline == "accuracy"
    assert loaded.provenance.metrics == {"this model on test": {"accuracy": 0.75}}
    saved_again = zoo.save(loaded, tmp_path / "again")
    assert saved_again.provenance == loaded.provenance
    assert saved_again.license == "MIT"


def test_the_record_alone_tells_as_much(compose: Compose, tmp_path: Path) -> None:
    manifest = zoo.save(compose(), tmp_path / "artifact", record=record())

    assert manifest.provenance.seed == 3
    assert manifest.provenance.metrics["majority class on test"] == {"accuracy": 0.5}
    assert manifest.license == "Apache-2.0"
    assert (tmp_path / "artifact/assets/confusion.png").read_bytes().startswith(b"\x89PNG")
    assert "insects" not in (tmp_path / "artifact/zoo.json").read_text()


def test_a_run_directory_is_its_artifact(compose: Compose, tmp_path: Path) -> None:
    model = compose()
    zoo.save(model, tmp_path / "run/artifact")
    record().write(tmp_path / "run")

    loaded = zoo.load(tmp_path / "run")
    assert torch.equal(
        loaded.logits(IMAGES)["classification"], model.logits(IMAGES)["classification"]
    )


@pytest.fixture
def local_weights(compose: Compose, tmp_path: Path) -> Path:
    """A folder with a backbone of its own in it."""
    folder = tmp_path / "somewhere" / "my-backbone"
    folder.mkdir(parents=True)
    state = zoo.load_backbone("toy:image").module.state_dict()
    save_file({name: tensor + 0.01 for name, tensor in state.items()}, folder / "model.safetensors")
    return folder


@pytest.fixture
def local_model(compose: Compose, local_weights: Path) -> ComposedModel:
    return compose(f"toy:{local_weights}")


def test_a_local_backbone_is_named_without_its_place(
    local_model: ComposedModel, local_weights: Path, tmp_path: Path
) -> None:
    manifest = zoo.save(local_model, tmp_path / "artifact")

    assert manifest.backbone.name == "toy:./my-backbone"
    assert manifest.backbone.source == ""
    for content in files(tmp_path / "artifact").values():
        assert str(tmp_path).encode() not in content

    with pytest.raises(WeightsNotFound) as caught:
        zoo.load(tmp_path / "artifact")
    assert str(caught.value) == (
        "The backbone was a local folder called 'my-backbone', on the machine that trained the "
        "model.\nType the same again with `--weights FOLDER`, where FOLDER is a copy of it: the digest "
        f"of its tensors is {manifest.backbone.digest[:12]}…; from Python, `weights=FOLDER`."
    )
    loaded = zoo.load(tmp_path / "artifact", weights=local_weights)
    assert torch.equal(
        loaded.logits(IMAGES)["classification"], local_model.logits(IMAGES)["classification"]
    )


@pytest.mark.parametrize("opened", ["run", "run/artifact"])
def test_a_run_remembers_where_its_backbone_was(
    local_model: ComposedModel, local_weights: Path, tmp_path: Path, opened: str
) -> None:
    zoo.save(local_model, tmp_path / "run/artifact")
    record(weights=str(local_weights)).write(tmp_path / "run")

    zoo.load(tmp_path / opened)
    shutil.rmtree(local_weights)
    with pytest.raises(WeightsNotFound, match="local folder called 'my-backbone'"):
        zoo.load(tmp_path / opened)


def test_a_broken_run_does_not_spoil_its_artifact(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose(), tmp_path / "run/artifact")
    (tmp_path / "run/run.json").write_text("{")

    zoo.load(tmp_path / "run/artifact")


def test_weights_given_win_over_those_of_the_run(
    local_model: ComposedModel, local_weights: Path, tmp_path: Path
) -> None:
    zoo.save(local_model, tmp_path / "run/artifact")
    record(weights=str(local_weights)).write(tmp_path / "run")
    other = tmp_path / "other"
    other.mkdir()
    save_file(zoo.load_backbone("toy:image").module.state_dict(), other / "model.safetensors")

    with pytest.raises(BackboneMismatch, match="other is not the one this model was trained on"):
        zoo.load(tmp_path / "run", weights=other)


@pytest.mark.parametrize(("path", "message"), [("gone", "There is no"), (".", "has no zoo.json")])
def test_no_artifact_there(toys: Path, tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(NotAnArtifact, match=message):
        zoo.load(tmp_path / path)


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_a_model_that_diverged_is_not_saved(compose: Compose, tmp_path: Path, value: float) -> None:
    model = compose("toy:image", "linear-probe")
    with torch.no_grad():
        model.heads["classification"].weight.fill_(value)

    with pytest.raises(TrainingFailed, match=r"diverged.*nothing was saved"):
        zoo.save(model, tmp_path / "artifact")
    assert not (tmp_path / "artifact").exists()


def test_the_probe_holds_raw_inputs(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose("toy:grey", "linear-probe"), tmp_path / "image")
    zoo.save(compose("toy:text", "linear-probe"), tmp_path / "text")

    images = load_file(tmp_path / "image/probe.safetensors")
    texts = load_file(tmp_path / "text/probe.safetensors")
    assert images["input.1"].shape == (48, 64)
    assert images["logits.classification"].shape == (8, 3)
    assert bytes(texts["input.0"].tolist()).decode() == "Yes."


def test_stock_libraries_find_their_configuration(compose: Compose, tmp_path: Path) -> None:
    zoo.save(compose("toy:native", "lora"), tmp_path / "artifact")

    config = json.loads((tmp_path / "artifact/adapter_config.json").read_text())
    assert config["modules_to_save"] == ["classifier"]
    assert not (tmp_path / "artifact/config.json").exists()


def test_a_label_no_manifest_can_hold_is_told_and_nothing_is_saved(
    compose: Compose, tmp_path: Path
) -> None:
    with pytest.raises(ArtifactError, match=r"labels\.2: String should have at most") as told:
        zoo.save(compose(labels=("a", "b", "c" * 100_001)), tmp_path / "a")
    assert len(told.value.message) < 300
    assert not (tmp_path / "a").exists()
