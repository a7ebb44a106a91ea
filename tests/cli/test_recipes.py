"""Every shipped recipe fits a model: with its own backbone, from real or random weights."""

import json

import pytest
import torch

from tests.cli.commands import zoo
from tests.data.making import csv, image_folder, reviews
from tests.plugins.test_medical import folder_of as medical_folder
from tests.plugins.vision_folder import folder_of as vision_folder
from zoo import registry

SHIPPED = registry.load.__wrapped__().recipes
WEIGHTS = {
    "vision:mobilenetv2_100": lambda parent, name: vision_folder(parent, name.partition(":")[2]),
    "medical:rad-dino": medical_folder,
}


@pytest.mark.parametrize("name", SHIPPED)
def test_a_recipe_fits_a_model_that_answers(name, tmp_path):
    recipe = SHIPPED[name]
    torch.manual_seed(0)
    if recipe.backbone.startswith("nlp:"):
        data = csv(tmp_path / "data.csv", ("text", "label"), reviews(16))
    else:
        data = image_folder(tmp_path / "data", {"a": 5, "b": 5})
    weights = []
    if recipe.backbone in WEIGHTS:
        weights = ["--weights", WEIGHTS[recipe.backbone](tmp_path, recipe.backbone)]
    run = tmp_path / "run"
    ended = zoo("fit", data, "--recipe", name, *weights, "--epochs", 1, "--out", run)
    assert ended.code == 0, ended.err
    record = json.loads((run / "run.json").read_text())
    assert record["adapter"] == recipe.adapter
    assert recipe.backbone.partition(":")[2] in record["backbone"]  # with its folder, where local
    for option, value in recipe.training.items():
        assert record["config"]["training"][option] == value
    assert zoo("predict", run, *_inputs(data), *weights).code == 0


def _inputs(data):
    return [next(data.rglob("*.jpg"))] if data.is_dir() else ["a sentence"]


@pytest.mark.realdata
def test_data_alone_beats_the_majority_class(shared, tmp_path):
    weights = shared / "hub/zoo-mirror/mobilenetv2_100.tf2_in1k"
    few = tmp_path / "few"
    for path in sorted((shared / "data/hymenoptera/train").glob("*/*.jpg"))[::6]:
        place = few / path.parent.name / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    ended = zoo("fit", few, "--weights", weights, "--out", tmp_path / "run", "--json")
    assert ended.code == 0, ended.err
    assert "Recipe few-images, chosen for image data with" in ended.err
    found = {r["model"]: r["metrics"]["accuracy"] for r in ended.data["results"]}
    assert found["this model"] > found["majority class"]
