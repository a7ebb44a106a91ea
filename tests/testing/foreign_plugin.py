"""Backbones of libraries that nobody here wrote, wrapped as one of their users would; random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Block,
    ContractViolation,
    Features,
    InputContract,
    Origin,
    Preprocess,
    Weights,
    hookimpl,
)

MODULE = __name__


def _spec(name: str, modality: str, **options: Any) -> BackboneSpec:
    return BackboneSpec(
        name=f"foreign:{name}",
        loader=f"{MODULE}:load_{name.partition('-')[0]}",
        modality=modality,
        summary=f"{name}, tiny, with random weights",
        tags=("tiny",),
        options=options,
    )


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    return [
        _spec("clip", "image"),
        _spec("clip-naive", "image", naive=True),
        _spec("xrv", "image"),
        _spec("xrv-uncropped", "image", uncropped=True),
    ]


@hookimpl
def zoo_resolve_backbone(name: str) -> BackboneSpec | None:
    """``foreign:sentence:<folder>`` and, without a mask, ``foreign:sentence-maskless:<folder>``."""
    kind, _, folder = name.removeprefix("foreign:").partition(":")
    if not name.startswith("foreign:sentence") or not folder:
        return None
    return BackboneSpec(
        name=name,
        loader=f"{MODULE}:load_sentence",
        modality="text",
        summary="a sentence encoder",
        options={"folder": folder, "maskless": kind.endswith("maskless")},
    )


class Sentences(Preprocess):
    def __init__(self, model: Any):
        self.model = model

    def __call__(self, sample: str) -> dict[str, torch.Tensor]:
        found = self.model.tokenizer(
            sample, truncation=True, max_length=self.model.max_seq_length, return_tensors="pt"
        )
        return {key: found[key][0] for key in ("input_ids", "attention_mask")}

    def collate(self, samples: Any) -> dict[str, torch.Tensor]:
        return {
            key: torch.nn.utils.rnn.pad_sequence([s[key] for s in samples], batch_first=True)
            for key in samples[0]
        }

    def describe(self) -> dict[str, Any]:
        return {"library": "sentence-transformers", "longest": self.model.max_seq_length}


class SentenceBackbone(Backbone):
    def forward(self, batch: Batch) -> Features:
        mask = batch["attention_mask"]
        seen = torch.ones_like(mask) if self.spec.options["maskless"] else mask
        out = self.module({"input_ids": batch["input_ids"], "attention_mask": seen})
        return Features(out["sentence_embedding"], out["token_embeddings"], mask)


def load_sentence(spec: BackboneSpec, weights: Weights) -> SentenceBackbone:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules as parts

    body = parts.Transformer(spec.options["folder"], max_seq_length=24)
    size = body.get_embedding_dimension()
    model = SentenceTransformer(modules=[body, parts.Pooling(size, "mean")], device="cpu")
    # The folder's weights are what is meant by random here: new ones each time for the kit.
    if not weights.pretrained:
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    inner = next(name for name, _ in model.named_modules() if name.endswith("encoder.layer"))
    bert = inner.removesuffix(".encoder.layer")
    layers = [f"{inner}.{i}" for i in range(len(model.get_submodule(inner)))]
    return SentenceBackbone(
        spec,
        model.float(),
        preprocess=Sentences(model),
        contract=InputContract(modality="text", max_length=24),
        blocks=[
            Block("embeddings", (f"{bert}.embeddings",)),
            *(Block(layer, (layer,)) for layer in layers),
            Block("pooler", (f"{bert}.pooler",)),
        ],
        feature_size=size,
        origin=Origin("", folder=Path(spec.options["folder"])),
        lora_targets={
            "attention": [f"{at}.attention.self.{n}" for at in layers for n in ("query", "value")]
        },
    )


class Transformed(Preprocess):
    """A torchvision transform, which cuts 16-bit images off at 255 where they get that far."""

    def __init__(self, transform: Any, library: str, *, naive: bool):
        self.transform, self.library, self.naive = transform, library, naive

    def __call__(self, sample: Any) -> dict[str, torch.Tensor]:
        if not self.naive and sample.mode != "RGB":
            raise ContractViolation(f"not an RGB image but {sample.mode}")
        return {"pixels": self.transform(sample)}

    def describe(self) -> dict[str, Any]:
        return {"library": self.library}


class PixelsBackbone(Backbone):
    def forward(self, batch: Batch) -> Features:
        return Features(self.module(batch["pixels"]))


def load_clip(spec: BackboneSpec, weights: Weights) -> PixelsBackbone:
    import open_clip

    side, width = 64, 32
    vision = open_clip.CLIPVisionCfg(
        layers=2, width=width, head_width=16, patch_size=16, image_size=side
    )
    text = open_clip.CLIPTextCfg(context_length=8, vocab_size=16, width=16, heads=2, layers=1)
    model = open_clip.CLIP(embed_dim=24, vision_cfg=vision, text_cfg=text).visual
    layers = [f"transformer.resblocks.{i}" for i in range(2)]
    targets = {"mlp": [f"{at}.mlp.{n}" for at in layers for n in ("c_fc", "c_proj")]}
    naive = spec.options.get("naive", False)
    transform = open_clip.image_transform(side, is_train=False)
    if naive:
        # A linear layer by its type, but torch's attention reads its weight and never calls it.
        targets = {"attention": [f"{at}.attn.out_proj" for at in layers]}
    return PixelsBackbone(
        spec,
        model,
        preprocess=Transformed(transform, "open_clip", naive=naive),
        contract=InputContract(modality="image", channels=3, value_range=(0.0, 255.0)),
        blocks=[
            Block("embed", ("conv1", "class_embedding", "positional_embedding", "ln_pre")),
            *(Block(layer, (layer,)) for layer in layers),
            Block("final", ("ln_post", "proj")),
        ],
        feature_size=24,
        origin=Origin(""),
        lora_targets=targets,
    )


class Radiograph(Preprocess):
    def __init__(self, side: int, *, cropped: bool):
        self.side, self.cropped = side, cropped

    def __call__(self, sample: Any) -> dict[str, torch.Tensor]:
        import torchxrayvision as xrv

        grey = np.asarray(sample)
        if grey.dtype != np.uint8 or grey.ndim != 2:
            raise TypeError("not a grey image")
        image = xrv.datasets.normalize(grey, 255)[None]
        steps = [xrv.datasets.XRayCenterCrop()] if self.cropped else []
        if self.cropped:
            steps.append(xrv.datasets.XRayResizer(self.side, engine="skimage"))
        for step in steps:
            image = step(image)
        return {"pixels": torch.from_numpy(np.asarray(image, np.float32))}

    def describe(self) -> dict[str, Any]:
        return {"library": "torchxrayvision", "side": self.side}


class DenseBackbone(Backbone):
    def forward(self, batch: Batch) -> Features:
        maps = self.module(batch["pixels"]).relu()
        return Features(maps.mean((2, 3)))


def load_xrv(spec: BackboneSpec, weights: Weights) -> DenseBackbone:
    import torchxrayvision as xrv

    model = xrv.models.DenseNet(
        growth_rate=4, block_config=(1, 1), num_init_features=8, weights=None, num_classes=2
    ).features
    convs = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Conv2d)]
    return DenseBackbone(
        spec,
        model.float(),
        preprocess=Radiograph(64, cropped=not spec.options.get("uncropped")),
        contract=InputContract(modality="image", channels=1, value_range=(0.0, 255.0)),
        blocks=[
            Block(name, (name,))
            for name, child in model.named_children()
            if next(child.parameters(), None) is not None
        ],
        feature_size=model.norm5.num_features,
        origin=Origin(""),
        lora_targets={"conv": convs},
    )
