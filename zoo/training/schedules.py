"""Learning rates over a fit, as factors on the highest."""

from __future__ import annotations

import math
from collections.abc import Callable

from zoo.training.config import FitConfig

Factor = Callable[[int], float]
"""Steps done, to a factor on the learning rate of the next."""


def factor_of(config: FitConfig, total: int) -> Factor:
    """Linear warm-up, then cosine to zero (Loshchilov and Hutter 2017, arXiv:1608.03983)."""
    warm = max(1, round(total * config.warmup))

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))

    return factor
