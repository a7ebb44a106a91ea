"""Pooled features of data by a frozen backbone, computed once and kept."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from zoo.model import Backbone, Preprocessed, extract
from zoo.model.inference import close
from zoo.progress import Progress
from zoo.training.cache.cut import Pooled
from zoo.training.cache.fill import Kept
from zoo.training.cache.identity import frozen_digest, identity
from zoo.training.cache.reuse import features_place
from zoo.training.cache.room import Room
from zoo.training.memory import halving

_FIRST = 4  # rows that are computed again before what was kept is believed
_CLOSE = 1e-4  # of the largest value
_CLOSE_BF16 = 5e-2


def features_of(
    backbone: Backbone,
    samples: Mapping[str, Preprocessed],
    *,
    bf16: bool = False,
    batch_size: int = 32,
    progress: Progress,
    tell: Callable[[str], None] | None = None,
    weights: str | None = None,
) -> dict[str, Tensor]:
    """Features by name, ``[rows, feature_size]``, float32 on the CPU.

    Args:
        backbone: in evaluation mode; what is attached to it counts.
        samples: by name.
        bf16: whether the user allows bfloat16.
        batch_size: rows of mean length at a time.
        progress: whom to tell how far it has come.
        tell: is told what a person should know; by default ``progress``.
        weights: digest of all the backbone's tensors as they are, where it is known.
    """
    tell = tell or progress.note

    def entry(weights: str) -> Kept:
        key = identity(backbone, weights, features_place(backbone), bf16=bf16)
        return Kept(
            Pooled(backbone),
            room,
            key,
            bf16=bf16,
            batch_size=batch_size,
            progress=progress,
            tell=tell,
        )

    def computed(name: str) -> Tensor:
        return halving(
            functools.partial(_extracted, backbone, samples[name], bf16, progress, name),
            batch_size,
            f"computing features of {name}",
            tell,
        )

    room = Room.configured()
    if room.folder is None:  # what is kept nowhere needs no key
        return {name: computed(name) for name in samples}
    own = weights or frozen_digest(backbone, len(backbone.blocks))
    kept = _kept(backbone, samples, entry, bf16, own)
    found: dict[str, Tensor] = {}
    for name, ready in samples.items():
        places = kept.places(ready, name)
        rows = None if places is None else [kept.row(places, i) for i in range(len(ready))]
        if rows and not _agrees(backbone, ready, rows, bf16):
            tell(f"The features kept for {backbone.spec.name} are not what it gives; unused.")
            rows = None
        found[name] = torch.stack(rows).float() if rows else computed(name)
    return found


def _extracted(
    backbone: Backbone, ready: Preprocessed, bf16: bool, progress: Progress, name: str, rows: int
) -> Tensor:
    return extract(
        backbone,
        ready,
        batch_size=rows,
        bf16=bf16,
        progress=progress,
        stage=f"features of {name}",
    )


def _kept(
    backbone: Backbone,
    samples: Mapping[str, Preprocessed],
    entry: Callable[[str], Kept],
    bf16: bool,
    own: str,
) -> Kept:
    """The entry of the backbone as published where that has all, else of the backbone as it is.

    An adapter that begins as the identity has tensors of its own and changes nothing.
    """
    if own != backbone.digest:
        published = entry(backbone.digest)
        if all(
            published.known(ready) and _same_as_published(backbone, ready, published, bf16)
            for ready in samples.values()
        ):
            return published
    return entry(own)


def _same_as_published(
    backbone: Backbone, ready: Preprocessed, published: Kept, bf16: bool
) -> bool:
    places = published.places(ready, "")
    if places is None or not len(ready):
        return places is not None
    return _agrees(
        backbone, ready, [published.row(places, i) for i in range(min(_FIRST, len(ready)))], bf16
    )


def _agrees(backbone: Backbone, ready: Preprocessed, rows: list[Tensor], bf16: bool) -> bool:
    """Whether the backbone gives the same for the first rows."""
    few = ready.first(_FIRST)
    few.instead = ready.instead
    plain = extract(backbone, few, bf16=bf16)
    return close(plain, torch.stack(rows[: len(few)]).float(), _CLOSE_BF16 if bf16 else _CLOSE)
