"""The facts of the listed backbones: ``python measure.py`` measures and writes them.

Each model is built on the meta device, which computes shapes and allocates nothing, so that sizes
are facts about the installed timm; source and licence are what timm says of its weights.
"""

from __future__ import annotations

import json
from typing import Any

import torch

from zoo.torchvision_clash import mend_torchvision

mend_torchvision()

import timm  # noqa: E402
from timm.data import resolve_model_data_config  # type: ignore[attr-defined]  # noqa: E402
from zoo_vision.hooks import CATALOGUE  # noqa: E402

CNN, VIT = "cnn", "transformer"
SELF = "self-supervised"

# What timm calls it, what it is to a person, tags; and the name where that is not the architecture.
LISTED: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("vgg11_bn.tv_in1k", "VGG-11 with batch norm; ImageNet-1k", (CNN, "vgg")),
    ("vgg19_bn.tv_in1k", "VGG-19 with batch norm; ImageNet-1k", (CNN, "vgg")),
    ("resnet18.a1_in1k", "ResNet-18; ImageNet-1k", (CNN, "resnet")),
    ("resnet50.a1_in1k", "ResNet-50; ImageNet-1k", (CNN, "resnet")),
    ("resnet152.a1_in1k", "ResNet-152; ImageNet-1k", (CNN, "resnet")),
    ("inception_v3.tv_in1k", "Inception v3; ImageNet-1k", (CNN, "inception")),
    ("inception_v4.tf_in1k", "Inception v4; ImageNet-1k", (CNN, "inception")),
    ("densenet121.ra_in1k", "DenseNet-121; ImageNet-1k", (CNN, "densenet")),
    ("densenet201.tv_in1k", "DenseNet-201; ImageNet-1k", (CNN, "densenet")),
    ("efficientnet_b0.ra_in1k", "EfficientNet-B0; ImageNet-1k", (CNN, "efficientnet")),
    (
        "tf_efficientnetv2_s.in21k_ft_in1k",
        "EfficientNetV2-S; ImageNet-21k, then 1k",
        (CNN, "efficientnet"),
    ),
    (
        "tf_efficientnetv2_l.in21k_ft_in1k",
        "EfficientNetV2-L; ImageNet-21k, then 1k",
        (CNN, "efficientnet"),
    ),
    ("mobilenetv2_100.ra_in1k", "MobileNetV2; ImageNet-1k", (CNN, "mobilenet")),
    ("mobilenetv3_small_100.lamb_in1k", "MobileNetV3 small; ImageNet-1k", (CNN, "mobilenet")),
    ("mobilenetv3_large_100.ra_in1k", "MobileNetV3 large; ImageNet-1k", (CNN, "mobilenet")),
    (
        "mobilenetv4_conv_small.e2400_r224_in1k",
        "MobileNetV4 small; ImageNet-1k",
        (CNN, "mobilenet"),
    ),
    ("convnext_atto.d2_in1k", "ConvNeXt, the smallest; ImageNet-1k", (CNN, "convnext")),
    ("convnext_tiny.fb_in22k", "ConvNeXt-T; ImageNet-22k", (CNN, "convnext")),
    ("convnext_large.fb_in22k", "ConvNeXt-L; ImageNet-22k", (CNN, "convnext")),
    ("regnety_002.pycls_in1k", "RegNetY at 200 MFLOPs; ImageNet-1k", (CNN, "regnet")),
    ("regnety_032.ra_in1k", "RegNetY at 3.2 GFLOPs; ImageNet-1k", (CNN, "regnet")),
    ("regnety_160.swag_ft_in1k", "RegNetY at 16 GFLOPs; SWAG, then ImageNet-1k", (CNN, "regnet")),
    (
        "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        "Vision Transformer, tiny; ImageNet-21k, then 1k",
        (VIT, "vit"),
    ),
    ("vit_base_patch16_224.augreg_in21k", "Vision Transformer, base; ImageNet-21k", (VIT, "vit")),
    ("vit_large_patch16_224.augreg_in21k", "Vision Transformer, large; ImageNet-21k", (VIT, "vit")),
    ("deit_tiny_patch16_224.fb_in1k", "DeiT, tiny; ImageNet-1k", (VIT, "deit")),
    ("deit_base_patch16_224.fb_in1k", "DeiT, base; ImageNet-1k", (VIT, "deit")),
    (
        "deit3_small_patch16_224.fb_in22k_ft_in1k",
        "DeiT III, small; ImageNet-22k, then 1k",
        (VIT, "deit"),
    ),
    ("swin_tiny_patch4_window7_224.ms_in1k", "Swin, tiny; ImageNet-1k", (VIT, "swin")),
    ("swin_large_patch4_window7_224.ms_in22k", "Swin, large; ImageNet-22k", (VIT, "swin")),
    (
        "eva02_tiny_patch14_224.mim_in22k",
        "EVA-02, tiny; masked images of ImageNet-22k",
        (VIT, "eva", SELF),
    ),
    (
        "eva02_large_patch14_224.mim_m38m",
        "EVA-02, large; masked images, 38 million",
        (VIT, "eva", SELF),
    ),
    ("vit_small_patch14_dinov2.lvd142m", "DINOv2, small; LVD-142M", (VIT, "dinov2", SELF)),
    (
        "vit_small_patch14_reg4_dinov2.lvd142m",
        "DINOv2 with registers, small; LVD-142M",
        (VIT, "dinov2", SELF),
    ),
    ("vit_base_patch14_dinov2.lvd142m", "DINOv2, base; LVD-142M", (VIT, "dinov2", SELF)),
    ("vit_large_patch14_dinov2.lvd142m", "DINOv2, large; LVD-142M", (VIT, "dinov2", SELF)),
    ("vit_small_patch16_dinov3.lvd1689m", "DINOv3, small; LVD-1689M", (VIT, "dinov3", SELF)),
    ("vit_large_patch16_dinov3.lvd1689m", "DINOv3, large; LVD-1689M", (VIT, "dinov3", SELF)),
    ("convnext_tiny.dinov3_lvd1689m", "DINOv3, ConvNeXt-T; LVD-1689M", (CNN, "dinov3", SELF)),
    ("resnet50_clip.openai", "CLIP's image tower, ResNet-50", (CNN, "clip", "image-text")),
    ("vit_base_patch32_clip_224.openai", "CLIP's image tower, base", (VIT, "clip", "image-text")),
    ("vit_large_patch14_clip_224.openai", "CLIP's image tower, large", (VIT, "clip", "image-text")),
    (
        "vit_base_patch16_siglip_224.webli",
        "SigLIP's image tower, base; WebLI",
        (VIT, "siglip", "image-text"),
    ),
    (
        "vit_base_patch16_siglip_224.v2_webli",
        "SigLIP 2's image tower, base; WebLI",
        (VIT, "siglip", "image-text"),
    ),
    (
        "vit_so400m_patch14_siglip_224.webli",
        "SigLIP's image tower, shape-optimised; WebLI",
        (VIT, "siglip", "image-text"),
    ),
)
# Two sets of weights of one architecture are listed, and one of them has to be told apart.
NAMES = {
    "convnext_tiny.dinov3_lvd1689m": "convnext_tiny_dinov3",
    "vit_base_patch16_siglip_224.v2_webli": "vit_base_patch16_siglip2_224",
}


def measure(name: str, summary: str, tags: tuple[str, ...]) -> dict[str, Any]:
    """Everything the catalogue says of one timm model."""
    with torch.device("meta"):
        model: Any = timm.create_model(name, num_classes=0).eval()
        known = resolve_model_data_config(model)
        features = model.forward_features(torch.empty(1, *known["input_size"]))
        pooled = model.forward_head(features, pre_logits=True)
    stated = model.pretrained_cfg
    return {
        "name": f"vision:{NAMES.get(name) or name.partition('.')[0]}",
        "timm": name,
        "source": stated["hf_hub_id"],
        "summary": summary,
        "license": stated.get("license"),
        "params": sum(parameter.numel() for parameter in model.parameters()),
        "feature_size": pooled.shape[1],
        "input_size": list(known["input_size"]),
        "tags": list(tags),
        "verified": "architecture",
    }


def main() -> None:
    """Write ``catalogue.json`` into the package, an entry a line."""
    entries = [json.dumps(measure(*listed)) for listed in LISTED]
    CATALOGUE.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
