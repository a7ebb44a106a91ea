"""The network as a backbone: preprocessing, blocks, weights."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Block,
    Features,
    InputContract,
    Origin,
    Preprocess,
    Weights,
    WeightsInvalid,
)
from zoo_cifar.network import FEATURES, SIDE, ResNet20

TENSORS = "model.safetensors"
CLASSIFIER = {"linear.weight", "linear.bias"}  # of the ten classes: no part of a backbone
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


class CifarPreprocess(Preprocess):
    """What the network saw in training, and never augmentation."""

    def __call__(self, sample: Image.Image) -> dict[str, Tensor]:
        """One RGB image to pixels ``[3, 32, 32]``, normalised."""
        # A photo is far larger than 32 pixels: each of them is the mean of the area it stands for.
        small = sample.resize((SIDE, SIDE), Image.Resampling.BOX)
        pixels = torch.from_numpy(np.asarray(small, np.float32) / 255).permute(2, 0, 1)
        return {"pixels": (pixels - MEAN) / STD}

    def describe(self) -> dict[str, Any]:
        """For the manifest: whoever reads it can do the same."""
        return {
            "size": SIDE,
            "interpolation": "box",
            "mean": MEAN.flatten().tolist(),
            "std": STD.flatten().tolist(),
        }


class CifarBackbone(Backbone):
    """:class:`ResNet20` as zoo uses it."""

    def __init__(self, spec: BackboneSpec, network: ResNet20, origin: Origin) -> None:
        stages = [f"layer{n}.{i}" for n in (1, 2, 3) for i in range(3)]
        convs = [name for name, m in network.named_modules() if isinstance(m, nn.Conv2d)]
        super().__init__(
            spec,
            network,
            preprocess=CifarPreprocess(),
            contract=InputContract(modality="image", channels=3, value_range=(0.0, 255.0)),
            # Input to output; together they hold every parameter once.
            blocks=[Block("stem", ("conv1", "bn1")), *(Block(name, (name,)) for name in stages)],
            feature_size=FEATURES,
            origin=origin,
            license=spec.license,
            # Where low-rank adapters can sit, by role: attention, mlp, conv.
            lora_targets={"conv": convs},
        )

    def forward(self, batch: Batch) -> Features:
        """Features of a collated batch; there are no tokens."""
        return Features(self.module(batch["pixels"]))


def load(spec: BackboneSpec, weights: Weights) -> CifarBackbone:
    """The loader that the spec names.

    Raises:
        WeightsNotFound: the weights are nowhere to be had.
        WeightsInvalid: they are another network's.
    """
    network = ResNet20()
    if not weights.pretrained:  # the same architecture with random weights, as tests want it
        return CifarBackbone(spec, network, Origin(spec.source))
    # --weights FOLDER first, then the cache, then the Hub.
    fetched = weights.repo(spec.source, required=[TENSORS])
    _fill(network, fetched.folder / TENSORS)
    return CifarBackbone(spec, network, Origin(spec.source, fetched.commit, fetched.folder))


def _fill(network: ResNet20, file: Path) -> None:
    """Every tensor of the file is used, and every one of the network is set."""
    body = {k: v for k, v in load_file(file).items() if k not in CLASSIFIER}
    # The file is older than PyTorch's count of batches, which plays no part here.
    counts = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({**counts, **body})
    except RuntimeError as err:
        reason = " ".join(str(err).split())[:200]
        raise WeightsInvalid(f"{file} is of another network: {reason}") from err
