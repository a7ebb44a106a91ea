"""How long a backbone takes on this machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from zoo.artifact.probe import samples
from zoo.model import Backbone
from zoo.model.inference import computing

_RUNS = 3


def alone(backbone: Backbone, *, seconds: float) -> float:
    """Seconds from the tensors of one synthetic input to its features, the median of some runs."""
    raw = samples(backbone)
    one = backbone.preprocess.collate([backbone.preprocess(raw[1 % len(raw)])])
    with computing("cpu"):
        return median(lambda: backbone(one), seconds=seconds)


def median(run: Callable[[], object], *, seconds: float) -> float:
    """Seconds that ``run`` takes, after it has run once; it runs about ``seconds`` in all."""
    run()
    times: list[float] = []
    while len(times) < _RUNS or sum(times) < seconds:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)
