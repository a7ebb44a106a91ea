"""Texts that are longer than a backbone reads."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.model.backbone import Backbone
from zoo.model.batches import Preprocessed


def long_in(backbone: Backbone, samples: Preprocessed) -> int:
    """How many texts have as many tokens as are read of one, or more; 0 where all is read."""
    limit = backbone.contract.max_length
    if backbone.contract.modality != "text" or not limit or samples.preprocess.reads_all:
        return 0
    return sum(
        any(tensor.ndim == 1 and len(tensor) >= limit for tensor in samples.sample(at).values())
        for at in range(len(samples))
    )


def told_of_long(backbone: Backbone, counts: Mapping[str, tuple[int, int]]) -> str:
    """In words how many texts are long; empty where none is.

    Args:
        backbone: reads them.
        counts: how many of how many, by what they are.
    """
    found = [f"{n} of {rows} {name}" for name, (n, rows) in counts.items() if n]
    if not found:
        return ""
    limit = backbone.contract.max_length
    return (
        f"{' and '.join(found)} have {limit} tokens or more: {backbone.spec.name} reads {limit} of a "
        "text, and the rest is cut off. Shorter ones, e.g. sentences, are read whole."
    )
