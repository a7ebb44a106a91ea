"""How long a backbone takes on this machine, for ``zoo show --measure``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_BATCH = 8
_SECONDS = 0.5  # for each figure


def measure(name: str, weights: Path | None = None) -> dict[str, Any]:
    """Median times of a backbone with random weights, which cost what trained ones do.

    Args:
        name: of the backbone.
        weights: a folder that describes it, for one whose description is not in the plugin.

    Returns:
        ``milliseconds`` of one input, from tensors to features; ``per_second``, how many inputs in
        batches of 8; ``preprocess_milliseconds`` of one; ``threads``.
    """
    import torch

    from zoo.artifact.probe import samples
    from zoo.model import load_backbone
    from zoo.model.inference import computing
    from zoo.ranking.latency import alone, median

    backbone = load_backbone(name, weights=weights, pretrained=False)
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
