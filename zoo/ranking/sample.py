"""Some rows of many, with every kind of label in its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def chosen(strata: Sequence[str], limit: int, seed: int) -> list[int]:
    """Positions of at most ``limit`` rows, in order: of each stratum its share, drawn with ``seed``."""
    if len(strata) <= limit:
        return list(range(len(strata)))
    order = np.random.default_rng(seed).permutation(len(strata))
    _, at = np.unique(np.asarray(strata), return_inverse=True)
    order = order[np.argsort(at[order], kind="stable")]
    # Evenly spaced within rows that stand by stratum, so that each has its share.
    picked = order[(np.arange(limit) * len(order)) // limit]
    return sorted(picked.tolist())
