"""A folder of timm weights to load, or to spoil."""

import json
from pathlib import Path

from safetensors.torch import save_file

import zoo


def folder_of(
    parent: Path, architecture: str, tag: str = "mine", config: dict | None = None, **arguments
) -> Path:
    """A folder as timm saves one, with random weights."""
    zoo.load_backbone("timm:test_vit", pretrained=False)  # the host makes timm importable
    import timm

    model = timm.create_model(architecture, num_classes=3, **arguments)
    kept = ("input_size", "mean", "std", "interpolation", "crop_pct", "fixed_input_size")
    pretrained_cfg = {key: model.pretrained_cfg[key] for key in kept}
    pretrained_cfg |= {
        "tag": tag,
        "license": "mit",
        "classifier": model.pretrained_cfg["classifier"],
    }
    described = {
        "architecture": architecture,
        "num_classes": 3,
        "model_args": arguments,
        "pretrained_cfg": pretrained_cfg,
    }
    folder = parent / f"{architecture}.{tag}"
    folder.mkdir()
    save_file(model.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(described | (config or {})))
    return folder
