"""Preprocess: raw samples made into what a backbone takes."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor


class Preprocess(abc.ABC):
    """Turns raw samples into what the module takes; deterministic.

    Attributes:
        takes_pairs: a sample may also be a tuple of two texts, which the module reads together.
        reads_all: nothing of a sample is cut off, however long it is.
    """

    takes_pairs: ClassVar[bool] = False
    reads_all: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """One raw sample (a ``PIL.Image``, a ``str``) as tensors without a batch dimension."""

    @abc.abstractmethod
    def describe(self) -> dict[str, Any]:
        """The preprocessing as plain JSON data, for the manifest."""

    def places(self, sample: Any) -> Tensor | None:
        """Where each token of a text stands in it, ``[tokens, 2]``: first character, last + 1.

        Both are 0 for a token that stands nowhere, as those at the ends do. ``None`` where this
        preprocessing has no tokens of a text, or cannot tell.
        """
        return None

    def known_words(self, sample: Any) -> tuple[int, int] | None:
        """How many words of a text are known here, of how many; ``None`` where none is left out."""
        return None

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Stack preprocessed samples into a batch; override where lengths differ."""
        return {key: torch.stack([sample[key] for sample in samples]) for key in samples[0]}
