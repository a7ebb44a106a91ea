"""timm models as backbones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from timm.data import (  # type: ignore[attr-defined]  # public, not declared so
    create_transform,
    resolve_model_data_config,
)
from torch import Tensor, nn

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Features,
    Incompatible,
    InputContract,
    NativeHead,
    NativeModel,
    Preprocess,
    StockCode,
    Weights,
)
from zoo_vision.build import Built, build
from zoo_vision.class_token import shorten_last_block
from zoo_vision.structure import find_blocks, find_lora_targets, observe, pool

_MODES = {1: "L", 3: "RGB"}
_PIXELS = "pixel_values"
# What timm's configuration of the pretrained weights says of any weights of that architecture.
_DESCRIBED = ("classifier", "first_conv", "fixed_input_size", "license", "pool_size", "tag")


class TimmPreprocess(Preprocess):
    """timm's evaluation transform for a model."""

    def __init__(self, model: nn.Module) -> None:
        self.config: dict[str, Any] = resolve_model_data_config(model)
        self._transform = create_transform(**self.config, is_training=False)

    def __call__(self, sample: Image.Image) -> dict[str, Tensor]:
        """Pixels ``[channels, height, width]``, normalised."""
        return {_PIXELS: self._transform(sample)}

    def describe(self) -> dict[str, Any]:
        """The data configuration of timm."""
        return {"library": "timm", **self.plain_config()}

    def plain_config(self) -> dict[str, Any]:
        """The data configuration as JSON has it."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in self.config.items()}

    def noise(self) -> Tensor:
        """A batch of one image of fixed noise, preprocessed: ``[1, channels, height, width]``."""
        channels, height, width = self.config["input_size"]
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
        image = Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)
        return self(image)[_PIXELS][None]


class TimmBackbone(Backbone):
    """A timm model without its classifier.

    Args:
        spec: under the name that artifacts carry.
        built: the model and where it came from.
        trained: whether its weights, and so its classifier, are.
    """

    def __init__(self, spec: BackboneSpec, built: Built, *, trained: bool) -> None:
        model: Any = built.model
        preprocess = TimmPreprocess(model)
        self._channels = preprocess.config["input_size"][0]
        if self._channels not in _MODES:
            raise Incompatible(
                f"{spec.name} takes images of {self._channels} channels; zoo reads grey (1) and "
                "RGB (3)."
            )
        classifier = model.get_classifier()
        seen = built.files.once(("seen", built.name), lambda: observe(model, preprocess.noise()))
        model.reset_classifier(0)
        if len(seen.pooled) != 2:
            raise Incompatible(
                f"{spec.name} gives features of shape {list(seen.pooled)} for an image, not one "
                "vector; it cannot be a backbone."
            )
        self._native = seen.native_head
        knows = trained and seen.native_head is not None and isinstance(classifier, nn.Linear)
        self._source_head = (classifier,) if knows else ()  # in a tuple it is no submodule
        self._stock = built.stock
        self._arguments = built.arguments
        super().__init__(
            spec,
            model,
            preprocess=preprocess,
            contract=InputContract(
                modality="image", channels=self._channels, value_range=(0.0, 255.0)
            ),
            blocks=find_blocks(model),
            feature_size=seen.pooled[1],
            origin=built.origin,
            license=_license(model),
            lora_targets=find_lora_targets(model, seen.called),
            files=built.files,
        )
        shorten_last_block(model, lambda: self.pooled_only)
        self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, batch: Batch) -> Features:
        """Features before the classifier; tokens where the model has a sequence of them."""
        model: Any = self.module
        # Convolutions on the CPU run up to three times faster with channels last.
        pixels = batch[_PIXELS].contiguous(memory_format=torch.channels_last)
        features = model.forward_features(pixels)
        is_sequence = isinstance(features, Tensor) and features.ndim == 3 and not self.pooled_only
        return Features(
            pooled=pool(model, features),
            tokens=features if is_sequence else None,
        )

    @property
    def native_head(self) -> NativeHead | None:
        """The classifier of timm's model, where it is one linear layer on the pooled features."""
        return self._native

    def source_head(self) -> nn.Module | None:
        """The classifier of the timm model, where it is one linear layer on the pooled features."""
        return self._source_head[0] if self._source_head else None

    def stock_code(self) -> StockCode:
        """``timm.create_model`` with timm's own evaluation transform."""

        def create(classes: str) -> str:
            options = f"pretrained=True, num_classes={classes}"
            return f"model = timm.create_model({self._stock}, {options}).eval()"

        return self._stock_code(whole=create("{n}") if self._native else "", features=create("0"))

    def native_model(self, labels: Sequence[str]) -> NativeModel:
        """Timm's hub format: architecture, its arguments, labels, and timm's data configuration."""
        create = 'model = timm.create_model("hf-hub:{repo}", pretrained=True).eval()'
        known: Any = self.module.pretrained_cfg
        preprocess: Any = self.preprocess
        described = {k: known[k] for k in _DESCRIBED if known.get(k) is not None}
        config = {
            "architecture": known["architecture"],
            "num_classes": len(labels),
            "num_features": self.feature_size,
            "model_args": self._arguments,
            "pretrained_cfg": {**described, **preprocess.plain_config(), "custom_load": False},
        }
        if labels:
            config["label_names"] = list(labels)
        stock = self._stock_code(whole=create if self._native else "", features=create)
        return NativeModel(config, stock, library="timm")

    def _stock_code(self, *, whole: str, features: str) -> StockCode:
        return StockCode(
            requires=("timm",),
            imports=("import timm",),
            whole=whole,
            features=features,
            inputs="config = timm.data.resolve_model_data_config(model)\n"
            "transform = timm.data.create_transform(**config, is_training=False)\n"
            f'inputs = transform(example.convert("{_MODES[self._channels]}")).unsqueeze(0)',
            logits="logits = model(inputs)",
            pooled="pooled = model.forward_head(model.forward_features(inputs), pre_logits=True)",
        )


def _license(model: Any) -> str | None:
    stated = model.pretrained_cfg.get("license")
    return None if stated in (None, "", "unknown") else str(stated)


def load(spec: BackboneSpec, weights: Weights) -> TimmBackbone:
    """Load the timm model that ``spec`` names; raises as :func:`zoo_vision.build.build`.

    Raises:
        Incompatible: a model that gives no single vector for an image, or takes neither grey nor
            RGB images.
    """
    built = build(spec, weights)
    return TimmBackbone(replace(spec, name=built.name), built, trained=weights.pretrained)
