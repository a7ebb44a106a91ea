"""Weights are mapped where the file holds just what the model wants, and read by timm elsewhere."""

import json

import pytest
import torch
from safetensors.torch import save_file

import zoo
from zoo.model.backbone import digest
from zoo.torchvision_clash import mend_torchvision

mend_torchvision()
import timm  # noqa: E402  # after that


def written(folder, architecture, change=lambda state: state):
    torch.manual_seed(0)
    state = timm.create_model(architecture).state_dict()
    folder.mkdir()
    save_file(change({k: v.contiguous() for k, v in state.items()}), folder / "model.safetensors")
    config = {"architecture": architecture, "num_classes": 1000, "pretrained_cfg": {}}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def without_counters(state):
    return {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}


def halved(state):
    return {k: v.half() if v.is_floating_point() else v for k, v in state.items()}


@pytest.mark.parametrize(
    ("architecture", "change", "is_mapped"),
    [
        ("mobilenetv3_small_050", dict, True),
        ("mobilenetv3_small_050", without_counters, True),
        ("mobilenetv3_small_050", halved, False),
        ("vit_tiny_patch16_224", dict, True),
        ("swin_tiny_patch4_window7_224", dict, False),
    ],
)
def test_a_mapped_model_is_timms_own(tmp_path, monkeypatch, architecture, change, is_mapped):
    folder = written(tmp_path / "weights", architecture, change)
    expected = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    expected.reset_classifier(0)
    calls, create = [], timm.create_model
    monkeypatch.setattr(
        timm, "create_model", lambda *a, **k: calls.append(k.get("pretrained")) or create(*a, **k)
    )
    backbone = zoo.load_backbone(f"timm:{folder}")
    assert (True in calls) is not is_mapped
    assert digest(backbone.module.state_dict()) == digest(expected.state_dict())
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        pooled = backbone({"pixel_values": pixels}).pooled
        torch.testing.assert_close(pooled, expected(pixels), rtol=0, atol=1e-4)
