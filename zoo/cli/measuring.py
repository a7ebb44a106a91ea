"""A backbone built and measured on this machine, for ``zoo show --measure``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.model import Backbone

_BATCH = 8
_SECONDS = 0.5  # for each figure


def measure(name: str, weights: Path | None = None) -> dict[str, Any]:
    """What a backbone is and takes, with random weights, which cost what trained ones do.

    Args:
        name: of the backbone.
        weights: a folder that describes it, for one whose description is not in the plugin.

    Returns:
        ``params``, ``feature_size``, ``input_size`` and ``latency``: median times.
    """
    from zoo.model import load_backbone

    backbone = load_backbone(name, weights=weights, pretrained=False)
    return {
        "params": sum(parameter.numel() for parameter in backbone.module.parameters()),
        "feature_size": backbone.feature_size,
        "input_size": _input_size(backbone),
        "latency": _latency(backbone),
    }


def _input_size(backbone: Backbone) -> list[int] | None:
    from zoo.artifact.probe import samples

    if backbone.contract.modality != "image":
        return [backbone.contract.max_length] if backbone.contract.max_length else None
    return list(next(iter(backbone.preprocess(samples(backbone)[0]).values())).shape)


def _latency(backbone: Backbone) -> dict[str, Any]:
    """Median times: of one input, from tensors to features; of inputs in batches; of preprocessing."""
    import torch

    from zoo.artifact.probe import samples
    from zoo.model.inference import computing
    from zoo.ranking.latency import alone, median

    raw = samples(backbone)
    raw = [raw[i % len(raw)] for i in range(_BATCH)]
    ready = [backbone.preprocess(sample) for sample in raw]
    several = backbone.preprocess.collate(ready)
    with computing("cpu"):
        together = median(lambda: backbone(several), seconds=_SECONDS)
    preprocess = median(lambda: backbone.preprocess(raw[1]), seconds=_SECONDS)
    return {
        "milliseconds": round(alone(backbone, seconds=_SECONDS) * 1000, 2),
        "per_second": round(_BATCH / together, 1),
        "preprocess_milliseconds": round(preprocess * 1000, 2),
        "threads": torch.get_num_threads(),
    }
