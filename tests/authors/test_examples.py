"""The examples are plugins of others: wheels that work beside zoo's own, with nothing but those."""

import json
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.digits import write_digits
from tests.environments import Environment, build

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


@pytest.mark.parametrize("project", EXAMPLES, ids=lambda p: p.name)
def test_their_own_tests_pass(others: Environment, project: Path) -> None:
    said = others.run("pytest", "-q", project)
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
def test_published_weights_tell_flowers_apart_better_than_random_ones(
    others: Environment, shared: Path, tmp_path: Path
) -> None:
    others.run(others.python, "-c", RANDOM_WEIGHTS, tmp_path / "random")
    published = shared / "hub" / "zoo-mirror" / "cifar10_resnet20"
    accuracy = {}
    for weights in (tmp_path / "random", published):
        out = tmp_path / f"run-{weights.name}"
        fit = ("zoo", "fit", shared / "data" / "flowers5", "--backbone", "cifar:resnet20")
        choice = ("--weights", weights, "--adapter", "linear-probe", "--out", out, "--json")
        results = json.loads(others.run(*fit, *choice))["results"]
        (test,) = [r for r in results if (r["model"], r["split"]) == ("this model", "test")]
        accuracy[weights.name] = test["metrics"]["accuracy"]
    assert accuracy["cifar10_resnet20"] > accuracy["random"] + 0.05, accuracy
    assert accuracy["cifar10_resnet20"] > 0.5
