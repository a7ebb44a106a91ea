"""zoo-cifar: the rules for every backbone, and what holds for this one."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from zoo_cifar.network import BasicBlock, ResNet20

import zoo
from zoo.plugin import WeightsInvalid
from zoo.testing import BackboneKit

NAME = "cifar:resnet20"


class TestCifar(BackboneKit):
    """Each rule of the kit is a test."""

    backbone = NAME


def test_it_is_listed(zoo_host) -> None:
    record = zoo_host.add("zoo_cifar.hooks", name="cifar")
    assert (record.status, record.provides) == ("ok", [NAME])


def test_a_shortcut_keeps_every_second_pixel_and_adds_channels_of_zeros() -> None:
    block = BasicBlock(2, 4, stride=2).eval()
    torch.nn.init.zeros_(block.bn2.weight)  # the shortcut alone is left
    x = torch.rand(1, 2, 4, 4)
    out = block(x)
    assert torch.equal(out[:, 1:3], x[:, :, ::2, ::2])
    assert not out[:, [0, 3]].any()


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """Random weights as the published ones are stored: with a classifier, without counts."""
    state = {k: v for k, v in ResNet20().state_dict().items() if "num_batches" not in k}
    classifier = {"linear.weight": torch.ones(10, 64), "linear.bias": torch.ones(10)}
    save_file(state | classifier, tmp_path / "model.safetensors")
    return tmp_path


def test_weights_load_as_they_were_published(published: Path) -> None:
    backbone = zoo.load_backbone(NAME, weights=published)
    assert backbone.origin.source == "zoo-mirror/cifar10_resnet20"
    image = Image.linear_gradient("L").convert("RGB")
    pixels = backbone.preprocess(image)["pixels"][None]
    with torch.inference_mode():
        assert torch.equal(backbone({"pixels": pixels}).pooled, backbone.module(pixels))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(1)}, tmp_path / "model.safetensors")
    with pytest.raises(WeightsInvalid, match="another network"):
        zoo.load_backbone(NAME, weights=tmp_path)
