"""Small backbones for tests, as a plugin brings them: seeded weights, or a folder's."""

import copy
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from zoo.plugin import (
    Backbone,
    Batch,
    Block,
    Features,
    InputContract,
    NativeHead,
    Origin,
    Preprocess,
)


class ImagePreprocess(Preprocess):
    def __init__(self, channels: int, scale: float = 255.0):
        self.channels = channels
        self.scale = scale

    def __call__(self, sample: Any) -> dict[str, torch.Tensor]:
        small = sample.resize((16, 16))
        pixels = torch.tensor(list(small.tobytes()), dtype=torch.float32)
        return {"pixels": pixels.reshape(16, 16, self.channels).permute(2, 0, 1) / self.scale}

    def describe(self) -> dict[str, Any]:
        return {"size": 16, "scale": self.scale}


class TextPreprocess(Preprocess):
    def __call__(self, sample: str) -> dict[str, torch.Tensor]:
        return {"ids": torch.tensor(list(sample.encode()[:64]))}

    def collate(self, samples: Any) -> dict[str, torch.Tensor]:
        longest = max(len(sample["ids"]) for sample in samples)
        ids = torch.zeros(len(samples), longest, dtype=torch.long)
        for row, sample in zip(ids, samples, strict=True):
            row[: len(sample["ids"])] = sample["ids"]
        return {"ids": ids, "mask": (ids > 0).long()}

    def describe(self) -> dict[str, Any]:
        return {"bytes": 64}


class VectorPreprocess(Preprocess):
    def __call__(self, sample: Any) -> dict[str, torch.Tensor]:
        return {"x": torch.tensor(sample, dtype=torch.float32)}

    def describe(self) -> dict[str, Any]:
        return {}


class ToyImage(Backbone):
    def forward(self, batch: Batch) -> Features:
        return Features(self.module(batch["pixels"]))


class ToyNative(ToyImage):
    @property
    def native_head(self) -> NativeHead:
        return NativeHead("classifier")


class ToyText(Backbone):
    def forward(self, batch: Batch) -> Features:
        tokens = self.module(batch["ids"])
        mask = batch["mask"][..., None]
        return Features((tokens * mask).sum(1) / mask.sum(1), tokens, batch["mask"])


class ToyVector(Backbone):
    def forward(self, batch: Batch) -> Features:
        return Features(self.module(batch["x"]))

    def probe_inputs(self) -> list[torch.Tensor]:
        return list(torch.linspace(-1, 1, 12).reshape(3, 4))

    def probe_sample(self, raw: torch.Tensor) -> list[float]:
        return raw.tolist()


def load(spec: Any, weights: Any) -> Backbone:
    """``toy:image``, ``toy:grey``, ``toy:native``, ``toy:text``, ``toy:vector``, ``toy:./folder``."""
    word = spec.name.partition(":")[2]
    kind = word if word.isalpha() else "image"
    folder = None
    module = _module(kind)
    if weights.path or kind != word:
        folder = weights.folder(weights.path or word, required=["model.safetensors"]).folder
        module.load_state_dict(load_file(folder / "model.safetensors"))
    preprocess, contract, kind_of_backbone = {
        "image": (ImagePreprocess(3), InputContract(modality="image", channels=3), ToyImage),
        "native": (ImagePreprocess(3), InputContract(modality="image", channels=3), ToyNative),
        "grey": (ImagePreprocess(1), InputContract(modality="image", channels=1), ToyImage),
        "text": (TextPreprocess(), InputContract(modality="text", max_length=64), ToyText),
        "vector": (VectorPreprocess(), InputContract(modality="vector"), ToyVector),
    }[kind]
    return kind_of_backbone(
        spec,
        module,
        preprocess=preprocess,
        contract=contract,
        blocks=[Block("all", tuple(name for name, _ in module.named_children()))],
        feature_size=8,
        origin=Origin("toys/image", "c0ffee" * 6 + "c0ff")
        if not folder
        else Origin("", None, folder),
        license="Apache-2.0",
        lora_targets={"mlp": [n for n, m in module.named_modules() if isinstance(m, nn.Linear)]},
    )


def _made(kind: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        if kind == "text":
            return nn.Sequential(nn.Embedding(256, 8), nn.Linear(8, 8))
        if kind == "vector":
            return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8))
        channels = 1 if kind == "grey" else 3
        return nn.Sequential(
            nn.Conv2d(channels, 8, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(32, 8),
        )


# Once, at import: torch has one generator for all threads, and some tests load in several.
_MADE = {kind: _made(kind) for kind in ("image", "native", "grey", "text", "vector")}


def _module(kind: str) -> nn.Module:
    return copy.deepcopy(_MADE[kind])
