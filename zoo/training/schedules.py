"""Learning rates over a fit, as factors on the highest, and what goes with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from zoo.training.config import FitConfig

Factor = Callable[[int], float]
"""Steps done, to a factor on the learning rate of the next."""

_START, _END = 1 / 25, 1e-5  # of one-cycle: its first and last learning rate, as in fastai
_MOMENTA = (0.95, 0.85)  # of one-cycle: at its ends, and where the learning rate is highest


@dataclass(frozen=True)
class Schedule:
    """What the optimizer is told before each step.

    Attributes:
        factor: on the learning rate.
        momentum: the first beta of Adam; ``None`` leaves it alone.
    """

    factor: Factor
    momentum: Factor | None = None


def schedule_of(config: FitConfig, total: int) -> Schedule:
    """The schedule that ``config`` names, over ``total`` steps."""
    warm = max(1, round(total * config.warmup))
    left = max(1, total - warm)
    if config.schedule == "one-cycle":
        return _one_cycle(warm, left)
    falls: dict[str, Callable[[float], float]] = {
        "cosine": lambda share: 0.5 * (1 + math.cos(math.pi * share)),
        "linear": lambda share: 1 - share,
        "constant": lambda share: 1.0,
    }
    fall = falls[config.schedule]

    def factor(step: int) -> float:
        return (step + 1) / warm if step < warm else fall((step - warm) / left)

    return Schedule(factor)


def _one_cycle(warm: int, left: int) -> Schedule:
    """Up and down along cosines, momentum the other way (Smith and Topin 2018, arXiv:1708.07120)."""

    def along(step: int, first: float, middle: float, last: float) -> float:
        if step < warm:
            return _cosine(first, middle, step / warm)
        return _cosine(middle, last, min(1.0, (step - warm) / left))

    ends, middle = _MOMENTA
    return Schedule(
        lambda step: along(step, _START, 1.0, _END), lambda step: along(step, ends, middle, ends)
    )


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
