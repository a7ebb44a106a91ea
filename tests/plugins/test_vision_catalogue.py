"""Listed image backbones: each family is built and run, in its own or in a small configuration."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from tests.plugins.architecture import enliven, require_architecture
from tests.plugins.vision_folder import folder_of
from zoo.model import extract

SMALL_VIT = {"embed_dim": 48, "depth": 2, "num_heads": 2, "img_size": 56}
# Where nothing listed of a family is small: its own class, with fewer and smaller layers.
SHRUNK = {
    "vgg11_bn": {"mlp_ratio": 0.03},
    "inception_v3": {},
    "swin_tiny_patch4_window7_224": {
        "embed_dim": 24,
        "depths": [1, 1],
        "num_heads": [1, 2],
        "img_size": 56,
    },
    "vit_small_patch14_reg4_dinov2": SMALL_VIT,
    "vit_small_patch16_dinov3": SMALL_VIT | {"img_size": 64},
    "vit_base_patch32_clip_224": SMALL_VIT | {"img_size": 64},
    "vit_base_patch16_siglip_224": SMALL_VIT | {"img_size": 64},
    "resnet50_clip": {"img_size": 64},
    "convnext_tiny": {"depths": [1, 1, 2, 1], "dims": [8, 16, 24, 32]},
}
SLOW = ("inception_v3", "vgg11_bn", "resnet50_clip")
OWN = (
    "resnet18",
    "densenet121",
    "efficientnet_b0",
    "mobilenetv3_small_100",
    "regnety_002",
    "deit_tiny_patch16_224",
    "eva02_tiny_patch14_224",
)


def photos(side: int = 96) -> list[Image.Image]:
    pixels = np.random.default_rng(2).integers(0, 256, (2, side, side + 9, 3), np.uint8)
    return [Image.fromarray(each) for each in pixels]


@pytest.mark.parametrize("name", OWN)
def test_a_listed_family_is_what_the_catalogue_says(name):
    (spec,) = (spec for spec in zoo.backbones(everything=True) if spec.name == f"vision:{name}")
    backbone = zoo.load_backbone(spec.name, pretrained=False)
    assert sum(p.numel() for p in backbone.module.parameters()) == spec.params
    require_architecture(backbone, photos(), spec.feature_size)


@pytest.mark.parametrize(
    "architecture",
    [pytest.param(name, marks=pytest.mark.soak) if name in SLOW else name for name in SHRUNK],
)
def test_features_of_a_folder_are_timms_own(tmp_path: Path, architecture: str):
    torch.manual_seed(0)
    folder = folder_of(tmp_path, architecture, **SHRUNK[architecture])
    backbone = zoo.load_backbone(f"timm:{folder}")
    require_architecture(backbone.reload(True), photos(), backbone.feature_size)

    import timm

    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.no_grad():
        inputs = torch.stack([transform(photo) for photo in photos()])
        expected = model.forward_head(model.forward_features(inputs), pre_logits=True)
    found = extract(backbone, photos())
    assert expected.std(0).max() > 0
    scale = max(1.0, expected.abs().max().item())
    assert (found - expected).abs().max().item() < 1e-5 * scale


@pytest.mark.parametrize("architecture", ["vgg11_bn", "inception_v3"])
def test_features_of_a_folder_that_timm_wrote_are_timms_own(tmp_path: Path, architecture: str):
    zoo.load_backbone("timm:test_vit", pretrained=False)  # the host makes timm importable
    import timm
    from timm.models import save_for_hf

    torch.manual_seed(0)
    arguments = SHRUNK[architecture]
    model = timm.create_model(architecture, num_classes=3, **arguments).eval()
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    inputs = torch.stack([transform(photo) for photo in photos()])
    enliven(model, lambda: model(inputs))
    save_for_hf(model, str(tmp_path / "saved"), safe_serialization=True, model_args=arguments)
    # In the order of memory that zoo computes in; another rounds differently.
    model.to(memory_format=torch.channels_last)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(inputs), pre_logits=True)
    found = extract(zoo.load_backbone(f"timm:{tmp_path / 'saved'}"), photos())
    assert expected.std(0).max() > 1e-3
    assert (found - expected).abs().max() < 1e-5
