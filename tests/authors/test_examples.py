"""The examples are plugins of others: wheels that work beside zoo's own, with nothing but those."""

import json
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.digits import write_digits
from tests.environments import Environment
from tests.wheels import build

EXAMPLES = sorted(p.parent for p in (CHECKOUT / "examples").glob("*/pyproject.toml"))
PROVIDES = {
    "zoo-cifar": ["cifar:resnet20"],
    "zoo-hierarchy": ["hierarchy"],
    "zoo-parallel": ["parallel"],
}

RANDOM_WEIGHTS = """
import sys, torch
from pathlib import Path
from safetensors.torch import save_file
from zoo_cifar.network import ResNet20
torch.manual_seed(0)
Path(sys.argv[1]).mkdir()
save_file(ResNet20().state_dict(), Path(sys.argv[1], "model.safetensors"))
"""

ANIMALS = """
import sys, torch, zoo
from pathlib import Path
from PIL import Image
from safetensors.torch import load_file

folder, photos = map(Path, sys.argv[1:])
backbone = zoo.load_backbone("cifar:resnet20", weights=folder)
file = load_file(folder / "model.safetensors")
images = [Image.open(photo).convert("RGB") for photo in sorted(photos.glob("*.jpg"))]
batch = backbone.preprocess.collate([backbone.preprocess(image) for image in images])
with torch.inference_mode():
    logits = backbone(batch).pooled @ file["linear.weight"].T + file["linear.bias"]
kinds = logits.argmax(1)  # airplane automobile bird cat deer dog frog horse ship truck
print(float(((kinds >= 2) & (kinds <= 7)).float().mean()))
"""


@pytest.fixture(scope="module")
def others(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """zoo and the examples, all from wheels."""
    folder = tmp_path_factory.mktemp("others")
    return Environment(folder, [*wheels, *build(EXAMPLES, folder).values()])


def test_they_are_found(others: Environment) -> None:
    found = json.loads(others.run("zoo", "plugins", "--json"))
    assert {p["distribution"]: p["provides"] for p in found if p["distribution"] in PROVIDES} == (
        PROVIDES
    )
    assert {p["status"] for p in found} == {"ok"}


@pytest.mark.soak
def test_their_own_tests_pass(others: Environment) -> None:
    # In one process, which spares importing torch three times; with a configuration of theirs, not
    # with that of this checkout, which would put it on the path.
    config = EXAMPLES[0] / "pyproject.toml"
    said = others.run("pytest", "-q", "-c", config, "--import-mode=importlib", *EXAMPLES)
    assert " passed" in said
    assert " failed" not in said


def test_they_work_together(others: Environment, tmp_path: Path) -> None:
    """Backbone, adapter and task of three strangers in one model, which survives the disk."""
    data = tmp_path / "digits"
    for group, digits in {"round": (0, 8), "straight": (1, 7)}.items():
        write_digits(data, classes=digits, per_class=12)
        for digit in digits:
            (data / str(digit)).rename(data / f"{group}:{digit}")
    weights = tmp_path / "random"
    others.run(others.python, "-c", RANDOM_WEIGHTS, weights)
    fit = ("zoo", "fit", data, "--backbone", "cifar:resnet20", "--weights", weights)
    parts = ("--adapter", "parallel", "--task", "hierarchy", "--epochs", "1")
    others.run(*fit, *parts, "--out", tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "artifact" / "zoo.json").read_text())
    assert manifest["adapter"]["provider"] == "zoo-parallel 0.1.0"
    assert manifest["tasks"][0]["provider"] == "zoo-hierarchy 0.1.0"
    image = next(data.rglob("*.png"))
    predict = ("zoo", "predict", tmp_path / "run", image, "--weights", weights, "--json")
    (prediction,) = json.loads(others.run(*predict))
    assert {"round", "straight", "round:0", "straight:7"} <= prediction["scores"].keys()


@pytest.mark.realdata
def test_the_published_weights_tell_animals_from_things(
    others: Environment, shared: Path, tmp_path: Path
) -> None:
    """With their own classifier, since CIFAR-10 itself is not at hand."""
    weights = shared / "hub" / "zoo-mirror" / "cifar10_resnet20"
    script = tmp_path / "animals.py"
    script.write_text(ANIMALS, encoding="utf-8")
    share = {}
    for what in ("raccoon/JPEGImages", "office_caltech10/caltech10/monitor"):
        said = others.run(others.python, script, weights, shared / "data" / what)
        share[what.partition("/")[0]] = float(said)
    assert share["raccoon"] > 0.8, share
    assert share["office_caltech10"] < 0.25, share
