"""What a kept activation depends on besides its row: weights, preprocessing, place, precision."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import PackageNotFoundError, version

import torch

from zoo.model import Backbone
from zoo.model.backbone import digest

_FORMAT = 1


def frozen_digest(backbone: Backbone, block: int) -> str:
    """Digest of the tensors that are computed with before ``block``."""
    behind = {root for each in backbone.blocks[block:] for root in each.modules}
    state = backbone.module.state_dict()
    return digest(
        {
            name: tensor
            for name, tensor in state.items()
            if not any(name == root or name.startswith(f"{root}.") for root in behind)
        }
    )


def identity(backbone: Backbone, weights: str, place: str, *, bf16: bool) -> str:
    """The name of an entry: equal for computations that give the same.

    Args:
        backbone: computes.
        weights: digest of what it computes with.
        place: what is kept: the name of a block, or features with their pooling.
        bf16: the precision.
    """
    preprocess = backbone.preprocess
    said = {
        "format": _FORMAT,
        "weights": weights,
        "place": place,
        "bf16": bf16,
        "preprocess": [f"{type(preprocess).__qualname__}", preprocess.describe()],
        "code": [
            type(backbone.module).__qualname__,
            *(_version_of(each) for each in (backbone, backbone.module)),
        ],
        "torch": torch.__version__,
        "device": next(backbone.parameters()).device.type,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:40]


def _version_of(thing: object) -> str:
    package = type(thing).__module__.partition(".")[0]
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
