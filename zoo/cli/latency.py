"""How long a backbone takes on this machine, for ``zoo show --measure``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BATCH = 8
_SECONDS = 0.5  # for each figure, and at least _RUNS runs
_RUNS = 3


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

    backbone = load_backbone(name, weights=weights, pretrained=False)
    raw = samples(backbone)
    raw = [raw[i % len(raw)] for i in range(_BATCH)]
    ready = [backbone.preprocess(sample) for sample in raw]
    one, several = backbone.preprocess.collate(ready[1:2]), backbone.preprocess.collate(ready)
    with torch.inference_mode():
        alone = _median(lambda: backbone(one))
        together = _median(lambda: backbone(several))
    return {
        "milliseconds": round(alone * 1000, 2),
        "per_second": round(_BATCH / together, 1),
        "preprocess_milliseconds": round(_median(lambda: backbone.preprocess(raw[1])) * 1000, 2),
        "threads": torch.get_num_threads(),
    }


def _median(run: Callable[[], object]) -> float:
    """Seconds that ``run`` takes, after it has run once."""
    run()
    times: list[float] = []
    while len(times) < _RUNS or sum(times) < _SECONDS:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
