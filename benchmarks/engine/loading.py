"""Loading: a LoRA artifact on MiniLM, and a full fine-tune the size of ViT-base."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

import zoo
from benchmarks.engine.images import untrained
from benchmarks.engine.race import Row, Setup
from zoo.artifact.load import load
from zoo.artifact.save import save
from zoo.model.inference import computing

VIT_BASE = "timm:vit_base_patch16_224"
_SETTLING = 2.5  # seconds in which zoo trusts nothing it remembers of a file that was just written


def lora(setup: Setup) -> Iterator[Row]:
    """Both from local files, libraries imported."""
    from peft import PeftModel
    from transformers import AutoModel

    task = zoo.task("classification", labels=["a", "b"])
    model = zoo.compose("minilm", "lora", task)
    with tempfile.TemporaryDirectory() as folder:
        save(model, Path(folder, "artifact"))
        adapter = Path(folder, "artifact")
        weights = model.backbone.origin.folder or ""
        time.sleep(_SETTLING)

        def theirs() -> None:
            base = AutoModel.from_pretrained(weights)
            PeftModel.from_pretrained(base, str(adapter)).eval()

        yield setup.race(
            "load a LoRA artifact on MiniLM",
            "AutoModel and PeftModel.from_pretrained",
            ">= 2",
            ours=lambda: _loaded(adapter),
            theirs=theirs,
        )


def whole(setup: Setup) -> Iterator[Row]:
    """To the first prediction on one image."""
    import timm

    task = zoo.task("classification", labels=["a", "b"])
    with tempfile.TemporaryDirectory() as folder:
        weights = _base(Path(folder, "vit"))
        backbone = zoo.load_backbone(f"timm:{weights}")
        model = zoo.compose(backbone, "finetune", task)
        artifact = Path(folder, "artifact")
        save(model, artifact)
        time.sleep(_SETTLING)
        pixels = torch.rand(1, 3, 224, 224)

        def theirs() -> None:
            made = timm.create_model(f"local-dir:{artifact}", pretrained=True).eval()
            with torch.inference_mode():
                made(pixels)

        def ours() -> None:
            made = load(artifact, weights=weights, verify=False)
            with computing("cpu"):  # as ``predict`` does
                made({"pixel_values": pixels})

        yield setup.race(
            "load a full fine-tune the size of ViT-base, to its first prediction",
            "timm.create_model, pretrained",
            ">= 3",
            ours=ours,
            theirs=theirs,
        )


def _loaded(artifact: Path) -> None:
    load(artifact, verify=False)


def _base(folder: Path) -> Path:
    """A folder of random weights, as timm keeps them."""
    from safetensors.torch import save_file

    module: Any = untrained(VIT_BASE).module
    folder.mkdir()
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    config = {"architecture": "vit_base_patch16_224", "num_classes": 0}
    (folder / "config.json").write_text(json.dumps({**config, "pretrained_cfg": {}}))
    return folder


ROWS = {"load-lora": lora, "load-whole": whole}
