"""The tutorial does what it says: its commands are typed, its files written, the result compared."""

import filecmp
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import CHECKOUT
from tests.digits import write_digits
from tests.environments import Environment

PAGE = CHECKOUT / "docs" / "tutorial.md"
EXAMPLE = CHECKOUT / "examples" / "zoo-cifar"
OWN_WORDS = {"README.md"}  # what the example says of itself


def steps(text: str) -> list[tuple[str, str]]:
    """Files to write, ``(path, content)``, and commands, ``("$", line)``, in order."""
    found = []
    pattern = r"^`([\w./-]+)`:\n\n```python\n(.*?)^```$|^```console\n(.*?)^```$"
    for path, content, console in re.findall(pattern, text, re.DOTALL | re.MULTILINE):
        lines = re.findall(r"^\$ (.*)$", console, re.MULTILINE)
        found += [("$", line) for line in lines] if console else [(path, content)]
    return found


@pytest.fixture
def at_hand(tmp_path: Path) -> None:
    """Photos, and weights as they were published; the real ones where there are any."""
    write_digits(tmp_path / "photos", classes=(3, 8), per_class=12)
    real = CHECKOUT.parent / "shared" / "hub" / "zoo-mirror" / "cifar10_resnet20"
    if real.is_dir():
        shutil.copytree(real, tmp_path / "weights")
        return
    names = re.findall(r"^`zoo-cifar/(zoo_cifar/network.py)`", PAGE.read_text("utf-8"), re.M)
    scope: dict = {}
    exec((EXAMPLE / names[0]).read_text(encoding="utf-8"), scope)
    state = {k: v for k, v in scope["ResNet20"]().state_dict().items() if "num_batches" not in k}
    (tmp_path / "weights").mkdir()
    save_file(
        state | {"linear.weight": torch.ones(10, 64), "linear.bias": torch.ones(10)},
        tmp_path / "weights" / "model.safetensors",
    )


def test_following_the_tutorial_builds_the_example(
    author: Environment, at_hand: None, tmp_path: Path
) -> None:
    said = {}
    for kind, what in steps(PAGE.read_text(encoding="utf-8")):
        if kind == "$":
            said[what] = author.run(*what.split(), cwd=tmp_path)
        else:
            (tmp_path / kind).write_text(what, encoding="utf-8")
    assert "cifar:resnet20" in said["zoo plugins"]
    assert "269,072" in said["zoo show cifar:resnet20"].replace("269 k", "269,072")
    assert " failed" not in said["zoo plugin check cifar"]
    assert (tmp_path / "runs" / "partial" / "artifact" / "zoo.json").is_file()
    assert [path.name for path in (tmp_path / "dist").iterdir()] == [
        "zoo_cifar-0.1.0-py3-none-any.whl"
    ]
    files = [p.relative_to(EXAMPLE) for p in EXAMPLE.rglob("*") if p.is_file()]
    ours = [str(p) for p in files if "__pycache__" not in p.parts and str(p) not in OWN_WORDS]
    same, *different = filecmp.cmpfiles(EXAMPLE, tmp_path / "zoo-cifar", ours, shallow=False)
    assert different == [[], []]
    assert len(same) >= 8
