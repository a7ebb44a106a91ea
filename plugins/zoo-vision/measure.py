"""The facts of the listed backbones: ``python measure.py`` measures and writes them.

Each model is built with random weights and run once, so that sizes are facts about the installed
timm; source and licence are what timm says of its weights.
"""

from __future__ import annotations

import json
from typing import Any

from zoo_vision.hooks import CATALOGUE

import zoo

LISTED = (
    ("convnext_atto.d2_in1k", "ConvNeXt, the smallest; ImageNet-1k", ("cnn", "small")),
    ("mobilenetv2_100.ra_in1k", "MobileNetV2, for little compute; ImageNet-1k", ("cnn", "small")),
    ("regnety_002.pycls_in1k", "RegNetY at 200 MFLOPs; ImageNet-1k", ("cnn", "small")),
    ("resnet18.a1_in1k", "ResNet-18; ImageNet-1k", ("cnn",)),
    ("swin_tiny_patch4_window7_224.ms_in1k", "Swin Transformer; ImageNet-1k", ("transformer",)),
    (
        "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        "Vision Transformer; ImageNet-21k, then 1k",
        ("transformer", "small"),
    ),
    (
        "vit_small_patch14_dinov2.lvd142m",
        "Vision Transformer trained without labels (DINOv2)",
        ("transformer", "self-supervised"),
    ),
)


def measure(name: str, summary: str, tags: tuple[str, ...]) -> dict[str, Any]:
    """Everything the catalogue says of one timm model."""
    backbone = zoo.load_backbone(f"timm:{name}", pretrained=False)
    return {
        "name": f"vision:{name.partition('.')[0]}",
        "timm": name,
        "source": backbone.origin.source,
        "summary": summary,
        "license": backbone.license,
        "params": sum(parameter.numel() for parameter in backbone.module.parameters()),
        "feature_size": backbone.feature_size,
        "input_size": backbone.preprocess.describe()["input_size"],
        "tags": list(tags),
    }


def main() -> None:
    """Write ``catalogue.json`` into the package."""
    entries = [measure(*listed) for listed in LISTED]
    CATALOGUE.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
