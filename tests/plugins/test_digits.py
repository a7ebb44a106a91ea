"""A backbone whose weights are in its wheel: where they come from, and that they are worth it."""

import importlib.util
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from zoo_digits.hooks import zoo_backbones

import zoo
from zoo.errors import WeightsInvalid, WeightsNotFound
from zoo.model import extract


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    """The folder of the package, which a wheel carries as it is."""
    return checkout / "plugins" / "zoo-digits" / "zoo_digits"


def digits(labels: range) -> tuple[list[Image.Image], np.ndarray]:
    data = load_digits()
    wanted = np.isin(data.target, labels)
    grey = np.round(data.images[wanted] * (255 / 16)).astype(np.uint8)
    return [Image.fromarray(image) for image in grey], data.target[wanted]


def test_the_catalogue_says_what_is_loaded():
    (spec,) = zoo_backbones()
    backbone = zoo.load_backbone("vision:digits")
    assert backbone.feature_size == spec.feature_size
    assert sum(p.numel() for p in backbone.module.parameters()) == spec.params
    assert backbone.contract.channels == spec.input_size[0] == 1
    assert (backbone.license, backbone.native_head, backbone.stock_code()) == (
        "apache-2.0",
        None,
        None,
    )
    assert backbone.origin.source == "pip:zoo-digits"
    assert backbone.origin.commit == version("zoo-digits")


def test_the_script_makes_the_weights_that_are_shipped(checkout, wheel):
    found = importlib.util.spec_from_file_location(
        "train_digits", checkout / "plugins" / "zoo-digits" / "train.py"
    )
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    shipped = load_file(wheel / "model.safetensors")
    made = script.train().state_dict()
    assert made.keys() == shipped.keys()
    for name, tensor in made.items():
        torch.testing.assert_close(tensor, shipped[name], rtol=1e-4, atol=1e-5)


def accuracy_on_unseen_digits(features: np.ndarray, labels: np.ndarray, shots: int) -> float:
    """Mean over draws of a probe trained on a few images a class, tested on all others."""
    scores = []
    for draw in range(5):
        random = np.random.default_rng(draw)
        train = np.concatenate(
            [random.permutation(np.flatnonzero(labels == c))[:shots] for c in range(5, 10)]
        )
        rest = np.setdiff1d(np.arange(len(labels)), train)
        probe = LogisticRegression(C=0.1, max_iter=500).fit(features[train], labels[train])
        scores.append(probe.score(features[rest], labels[rest]))
    return float(np.mean(scores))


def test_digits_never_seen_are_told_apart_better_than_by_an_untrained_network():
    images, labels = digits(range(5, 10))

    def accuracy(pretrained: bool, seed: int = 0) -> float:
        torch.manual_seed(seed)
        backbone = zoo.load_backbone("vision:digits", pretrained=pretrained)
        features = extract(backbone, images, batch_size=256).numpy()
        features = (features - features.mean(0)) / (features.std(0) + 1e-6)
        return accuracy_on_unseen_digits(features, labels, shots=10)

    untrained = [accuracy(pretrained=False, seed=seed) for seed in range(3)]
    assert accuracy(pretrained=True) > 0.94
    assert accuracy(pretrained=True) > max(untrained) + 0.01


def test_random_weights_repeat_under_a_seed():
    def digest(seed: int) -> str:
        torch.manual_seed(seed)
        return zoo.load_backbone("vision:digits", pretrained=False).digest

    assert digest(1) == digest(1)
    assert len({digest(1), digest(2), zoo.load_backbone("vision:digits").digest}) == 3


@pytest.mark.parametrize("side", [8, 16, 64])
def test_an_image_of_any_size_is_reduced_to_what_the_network_saw(side):
    backbone = zoo.load_backbone("vision:digits")
    (image, *_), _ = digits(range(5))
    enlarged = image.resize((side, side), Image.Resampling.NEAREST)
    assert torch.equal(extract(backbone, [enlarged]), extract(backbone, [image]))


def test_blocks_and_targets():
    backbone = zoo.load_backbone("vision:digits")
    modules = dict(backbone.module.named_modules())
    covered = [
        f"{block.modules[0]}.{name}"
        for block in backbone.blocks
        for name, _ in modules[block.modules[0]].named_parameters()
    ]
    assert covered == [name for name, _ in backbone.module.named_parameters()]
    assert all(isinstance(modules[n], torch.nn.Conv2d) for n in backbone.lora_targets["conv"])


@pytest.mark.parametrize("adapter", ["linear-probe", "lora"])
def test_batch_norm_stays_frozen_in_training(adapter):
    backbone = zoo.load_backbone("vision:digits")
    task = zoo.task("classification", labels=["five", "six"])
    model = zoo.compose(backbone, adapter, task).train()
    norms = [m for m in backbone.module.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    images, _ = digits(range(5, 10))
    model(backbone.preprocess.collate([backbone.preprocess(image) for image in images[:8]]))
    assert len(norms) == 3
    assert all(torch.equal(norm.running_mean, b) for norm, b in zip(norms, before, strict=True))


class TestAFolderOfWeights:
    def test_comes_before_the_wheel(self, wheel, tmp_path):
        tensors = load_file(wheel / "model.safetensors")
        tensors["stage1.conv.weight"] += 1
        save_file(tensors, tmp_path / "model.safetensors")
        backbone = zoo.load_backbone("vision:digits", weights=tmp_path)
        shipped = zoo.load_backbone("vision:digits")
        assert backbone.digest != shipped.digest
        assert torch.equal(backbone.module.stage1.conv.weight, tensors["stage1.conv.weight"])
        assert backbone.origin.commit is None

    def test_with_the_same_tensors_is_the_same_backbone(self, wheel):
        given = zoo.load_backbone("vision:digits", weights=wheel)
        assert given.digest == zoo.load_backbone("vision:digits").digest

    def test_without_the_file(self, tmp_path):
        with pytest.raises(WeightsNotFound, match=r"lacks model\.safetensors"):
            zoo.load_backbone("vision:digits", weights=tmp_path)

    @pytest.mark.parametrize("spoil", ["missing", "extra", "shape", "pickle"])
    def test_of_another_network(self, spoil, wheel, tmp_path):
        tensors = load_file(wheel / "model.safetensors")
        file = tmp_path / "model.safetensors"
        if spoil == "missing":
            del tensors["stage2.norm.bias"]
        elif spoil == "extra":
            tensors["head.weight"] = torch.zeros(2)
        elif spoil == "shape":
            tensors["stage1.conv.weight"] = torch.zeros(2)
        save_file(tensors, file)
        if spoil == "pickle":
            torch.save(tensors, file)
        said = (
            "is not a sound safetensors file" if spoil == "pickle" else "does not hold the tensors"
        )
        with pytest.raises(WeightsInvalid, match=said):
            zoo.load_backbone("vision:digits", weights=tmp_path)
