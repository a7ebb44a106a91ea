"""Vision transformers of transformers as backbones for medical images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from zoo_nlp.blocks import blocks_of, lora_targets
from zoo_nlp.checkpoint import load_checkpoint
from zoo_nlp.files import CONFIG, SINGLE, license_of
from zoo_nlp.native import native_config

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Features,
    InputContract,
    NativeModel,
    Origin,
    StockCode,
    Weights,
)
from zoo_medical.pixels import PIXELS, PREPROCESSOR, Pixels

_POOLED = {
    "cls": "pooled = model(**inputs).last_hidden_state[:, 0]",
    "pooler": "pooled = model(**inputs).pooler_output",
}


def load(spec: BackboneSpec, weights: Weights) -> Backbone:
    """Load the encoder that ``spec`` describes.

    Args:
        spec: ``options`` has ``processor``, the class of transformers that makes pixels;
            ``pooling``, ``cls`` or ``pooler``; and ``tower``, the part of the configuration that
            is the encoder's, where the repo holds a whole of image and text.
        weights: where to look.

    Raises:
        WeightsNotFound: the files are nowhere to be had.
        WeightsInvalid: they are damaged, incomplete, or name code.
    """
    required = [CONFIG, PREPROCESSOR, *([SINGLE] if weights.pretrained else [])]
    fetched = weights.repo(spec.source, required=required, optional=["README.md"])
    checkpoint = load_checkpoint(
        spec.name,
        fetched.folder,
        pretrained=weights.pretrained,
        part=spec.options.get("tower", ""),
    )
    origin = Origin(spec.source, fetched.commit, fetched.folder)
    return ImageEncoder(spec, checkpoint.model, fetched.folder, origin)


class ImageEncoder(Backbone):
    """Images to vectors by a vision transformer without a head.

    Args:
        spec: what the loader was called with; one channel in ``input_size`` asks for grey images.
        model: as it was loaded.
        folder: with its image processor's configuration.
        origin: where it came from.
    """

    def __init__(self, spec: BackboneSpec, model: Any, folder: Path, origin: Origin) -> None:
        channels = spec.input_size[0] if spec.input_size else 3
        pixels = Pixels(folder, spec.options["processor"], channels)
        self._pool = spec.options["pooling"]
        side = model.config.image_size
        blank = torch.zeros(1, 3, side, side)

        def run() -> Tensor:
            with torch.no_grad():
                return self._pooled(model(blank))

        super().__init__(
            spec,
            model,
            preprocess=pixels,
            contract=InputContract(modality="image", channels=channels, value_range=(0.0, 255.0)),
            blocks=blocks_of(model, run),
            feature_size=run().shape[1],
            origin=origin,
            license=spec.license or license_of(folder),
            lora_targets=lora_targets(model),
            poolings=(self._pool,),
        )

    def forward(self, batch: Batch) -> Features:
        """``pooled [batch, feature_size]`` and ``tokens [batch, patches, size]``."""
        output = self.module(batch[PIXELS])
        return Features(self._pooled(output), output.last_hidden_state)

    def stock_code(self) -> StockCode:
        """Lines for transformers alone."""
        return self._stock_code()

    def native_model(self, labels: Sequence[str]) -> NativeModel:
        """Transformers' own layout; it has no classifier on these features, so labels have no place."""
        model: Any = self.module
        config = native_config(model, (), pad_id=None)
        return NativeModel(config, self._stock_code(repo="{repo}"), library="transformers")

    def _stock_code(self, repo: str | None = None) -> StockCode:
        revision = f', revision="{self.origin.commit}"' if self.origin.commit else ""
        base = f'"{self.origin.source}"{revision}'
        opened = f'"{repo}"' if repo else base
        kind, processor = type(self.module).__name__, self.spec.options["processor"]
        return StockCode(
            requires=("torch", "transformers", "pillow"),
            imports=("import torch", f"from transformers import {kind}, {processor}"),
            whole="",
            features=f'model = {kind}.from_pretrained({opened}, dtype="float32")',
            inputs=f"processor = {processor}.from_pretrained({base})\n"
            'inputs = processor(example.convert("RGB"), return_tensors="pt")',
            logits="",
            pooled=_POOLED[self._pool],
        )

    def _pooled(self, output: Any) -> Tensor:
        found: Tensor = (
            output.pooler_output if self._pool == "pooler" else output.last_hidden_state[:, 0]
        )
        return found
