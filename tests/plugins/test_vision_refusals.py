"""Names and files that zoo-vision cannot use: each refused with its own message."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import zoo
from tests.plugins.vision_folder import folder_of
from zoo.errors import UnknownName, WeightsInvalid, WeightsNotFound


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("timm:mobilnetv2_100", "Did you mean 'timm:mobilenetv2_100'"),
        ("timm:resnet18.a1_in22k", "Did you mean 'timm:resnet18.a1_in1k'"),
        ("timm:timm/resnet18.a1_in1k", "'timm:hf-hub:timm/resnet18.a1_in1k'"),
        ("timm:qqqqqq", "Valid: timm:"),
    ],
)
@pytest.mark.parametrize("pretrained", [True, False])
def test_an_unknown_model_is_met_with_the_nearest_name(name, suggestion, pretrained):
    with pytest.raises(UnknownName) as refused:
        zoo.load_backbone(name, pretrained=pretrained)
    assert f"Unknown backbone '{name}'. " in refused.value.message
    assert suggestion in refused.value.message


def rewrite(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without(folder: Path, name: str) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")


def replaced_by_a_pickle(folder: Path) -> None:
    torch.save({"conv1.weight": torch.zeros(1)}, folder / "model.safetensors")


def only_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


SPOILT = {
    "lacks a tensor, loaded strictly": (
        "test_vit",
        lambda folder: without(folder, "norm.weight"),
        r'does not hold the tensors of test_vit: Missing key\(s\) in state_dict: "norm.weight"',
    ),
    "lacks a tensor, loaded leniently by timm": (
        "dla46_c",
        lambda folder: without(folder, "level2.tree1.bn1.bias"),
        "lacks 1 tensors of dla46_c: level2.tree1.bn1.bias",
    ),
    "of another architecture": (
        "test_vit",
        lambda folder: rewrite(folder, architecture="test_vit2"),
        "does not hold the tensors of test_vit2: ",
    ),
    "a pickle in place of safetensors": (
        "test_vit",
        replaced_by_a_pickle,
        "is not a sound safetensors file",
    ),
    "a pickle beside no safetensors": ("test_vit", only_a_pickle, "lacks model.safetensors"),
    "no config": ("test_vit", lambda f: (f / "config.json").unlink(), "lacks config.json"),
    "a config that is not JSON": (
        "test_vit",
        lambda folder: (folder / "config.json").write_text("{"),
        "config.json is not valid JSON",
    ),
    "a config of transformers": (
        "test_vit",
        lambda folder: rewrite(folder, architecture=None, architectures=["BertModel"]),
        "names no architecture.\nFor a transformers model use `hf:`",
    ),
    "a config of an unknown model": (
        "test_vit",
        lambda folder: rewrite(folder, architecture="test_vitt"),
        "Unknown backbone 'timm:test_vitt'. Did you mean 'timm:test_vit'",
    ),
    "a config that names a file": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"checkpoint_path": "x.bin", "depth": 2}),
        "model_args may not set checkpoint_path",
    ),
    "a config that turns strictness off": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"pretrained_strict": False}),
        "model_args may not set pretrained_strict",
    ),
    "a config with an argument the model has not": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"auto_map": "evil"}),
        "model_args may not set auto_map",
    ),
    "a config with an argument that is an object": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"block_fn": {"_target_": "os.system"}}),
        "model_args may not set block_fn",
    ),
    "a config with an argument that is an import string": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"norm_layer": "os.path:join"}),
        "model_args may not set norm_layer",
    ),
    "a config of a billion channels": (
        "test_vit",
        lambda folder: rewrite(folder, model_args={"embed_dim": 10**9}),
        "asks for 1e[+]09 of something; 100000 is the most",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_what_cannot_be_used_is_refused_in_a_line_or_two(case, tmp_path):
    architecture, spoil, message = SPOILT[case]
    folder = folder_of(tmp_path, architecture)
    spoil(folder)
    with pytest.raises((UnknownName, WeightsInvalid, WeightsNotFound), match=message) as refused:
        zoo.load_backbone(f"timm:{folder}")
    assert len(str(refused.value).splitlines()) <= 2
    assert len(refused.value.message) < 500
