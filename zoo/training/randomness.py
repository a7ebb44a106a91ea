"""All that is random in a fit: torch on every device, numpy, and Python's own."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Everything random begins at ``seed`` within the block, and afterwards is as it was before."""
    before = random_state()
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)
    try:
        yield
    finally:
        restore_random_state(before)


def diversified(seed: int, epoch: int, rank: int) -> None:
    """Let dropout differ between processes; the first draws what it would draw alone."""
    if rank:
        torch.manual_seed((seed * 1_000_003 + epoch) * 1_000 + rank)


def random_state() -> dict[str, Any]:
    """Where all generators stand, as a tree that :mod:`zoo.training.trees` takes."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (kind, torch.from_numpy(np.asarray(keys, np.int64)), *rest),
        "python": (version, torch.tensor(words, dtype=torch.int64), gauss),
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Let all generators go on from where ``state`` was taken."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"][: torch.cuda.device_count()])
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
