"""The backbone: the network, its preprocessing, and weights that lie beside this module."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

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
    WeightsInvalid,
)
from zoo_digits.network import FEATURES, SIDE, DigitNet

TENSORS = "model.safetensors"
_PIXELS = "pixels"


class DigitPreprocess(Preprocess):
    """Any grey image to 8x8 pixels, each the mean of the area it stands for."""

    def __call__(self, sample: Image.Image) -> dict[str, Tensor]:
        """Pixels ``[1, 8, 8]`` in 0 to 1.

        Raises:
            ContractViolation: the image is not 8-bit grey.
        """
        if sample.mode != "L":
            raise ContractViolation(f"vision:digits takes 8-bit grey; this is mode {sample.mode}.")
        small = sample.resize((SIDE, SIDE), Image.Resampling.BOX)
        return {_PIXELS: torch.from_numpy(np.asarray(small, np.float32) / 255)[None]}

    def describe(self) -> dict[str, Any]:
        """Size, interpolation and scale."""
        return {"size": [SIDE, SIDE], "interpolation": "box", "scale": 1 / 255}


class DigitBackbone(Backbone):
    """:class:`DigitNet` as a backbone."""

    def __init__(self, spec: BackboneSpec, network: DigitNet, origin: Origin) -> None:
        stages = [name for name, _ in network.named_children()]
        super().__init__(
            spec,
            network,
            preprocess=DigitPreprocess(),
            contract=InputContract(modality="image", channels=1, value_range=(0.0, 255.0)),
            blocks=[Block(name, (name,)) for name in stages],
            feature_size=FEATURES,
            origin=origin,
            license=spec.license,
            lora_targets={"conv": [f"{name}.conv" for name in stages]},
        )

    def forward(self, batch: Batch) -> Features:
        """Features of a batch; there are no tokens."""
        return Features(self.module(batch[_PIXELS]))


def load(spec: BackboneSpec, weights: Weights) -> DigitBackbone:
    """Load the network: ``--weights PATH`` first, then the wheel's own weights.

    Raises:
        WeightsNotFound: the folder of ``--weights`` holds no ``model.safetensors``.
        WeightsInvalid: it holds another network's.
    """
    network = DigitNet()
    if not weights.pretrained:
        return DigitBackbone(spec, network, Origin(spec.source))
    folder = weights.folder(weights.path or Path(__file__).parent, required=[TENSORS]).folder
    fill(network, folder / TENSORS)
    commit = None if weights.path else version("zoo-digits")
    return DigitBackbone(spec, network, Origin(spec.source, commit, folder))


def fill(network: DigitNet, file: Path) -> None:
    """Load a file into ``network``, every tensor of both accounted for.

    Raises:
        WeightsInvalid: not safetensors, or not this network's.
    """
    try:
        network.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError) as err:
        reason = " ".join(str(err).split())
        raise WeightsInvalid(
            f"{file} does not hold the tensors of vision:digits: {reason[:200]}",
            hint="Leave out `--weights` to use those that come with zoo-digits.",
        ) from err
