"""What a manifest asks for is never made where the files that came with it are not as large."""

from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from tests.artifact.conftest import Compose
from tests.artifact.tampering import edit_manifest
from zoo.artifact import room
from zoo.errors import CorruptFile
from zoo.model import load_backbone

KNOWN = 1 << 20


@pytest.fixture
def nothing_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SPARE", 0)


@pytest.mark.row(52)
def test_more_labels_than_the_files_have_rows_for(
    compose: Compose, tmp_path: Path, nothing_to_spare: None
) -> None:
    folder = tmp_path / "artifact"
    zoo.save(compose(adapter="linear-probe"), folder)
    zoo.load(folder)

    def edit(data: dict[str, Any]) -> None:
        data["tasks"][0]["labels"] = [f"{number}" for number in range(50_000)]

    edit_manifest(folder, edit)
    with pytest.raises(CorruptFile, match="asks for a model of more than"):
        zoo.load(folder)


@pytest.mark.row(52)
def test_settings_that_are_each_within_bounds_and_together_beyond_all() -> None:
    backbone = load_backbone("timm:test_vit", pretrained=False)
    settings = {"r": 1024, "num_vectors": 100_000, "vector_length": 1}  # 26 GB a layer
    adapter, task = (
        zoo.adapter("peft:vblora", settings),
        zoo.task("classification", labels=["a", "b"]),
    )
    with (
        pytest.raises(CorruptFile, match="its files and backbone have 1,048,576"),
        room.limited(KNOWN, "zoo.json"),
    ):
        zoo.compose(backbone, adapter, task)


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.empty(1 << 40),
        lambda: torch.zeros(size=(1 << 40,), pin_memory=False),
        lambda: torch.randn(1 << 40, generator=torch.Generator()),
        lambda: torch.randint(0, 5, (1 << 40,)),
        lambda: torch.arange(1 << 40),
        lambda: torch.nn.Linear(1 << 20, 1 << 20),
    ],
)
def test_one_tensor_is_measured_before_it_is_made(make: Any) -> None:
    with pytest.raises(CorruptFile), room.limited(KNOWN, "zoo.json"):
        make()


def test_parameters_are_added_up(nothing_to_spare: None) -> None:
    with room.limited(KNOWN, "zoo.json"):
        [torch.nn.Linear(100, 100) for _ in range(25)]
    with pytest.raises(CorruptFile), room.limited(KNOWN, "zoo.json"):
        [torch.nn.Linear(100, 100) for _ in range(27)]
    torch.nn.Linear(1000, 1000)  # nothing is measured any more
