"""Which token of a backbone begins each word of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.plugin import Preprocess
from zoo_tasks.spans import words_of

KEY = "words"  # in a batch
CUT = -1  # of a word beyond the longest input
PADDING = -2


class Words(Preprocess):
    """What ``inner`` gives, and beside it the first token of each word.

    Args:
        inner: of the backbone; it knows where its tokens stand.
        settings: of the task, which say what a word is.
    """

    def __init__(self, inner: Preprocess, settings: Mapping[str, Any]) -> None:
        self.inner = inner
        self.settings = settings

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """Tensors of a text, and ``[words]`` positions of tokens."""
        places = self.inner.places(sample)
        assert places is not None  # the task has asked before
        first = [_first(places, *word) for word in words_of(sample, self.settings)]
        return {**self.inner(sample), KEY: torch.tensor(first, dtype=torch.long)}

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch, and ``[batch, most words]``."""
        words = pad_sequence([sample[KEY] for sample in samples], True, PADDING)
        inner = [{n: t for n, t in sample.items() if n != KEY} for sample in samples]
        return {**self.inner.collate(inner), KEY: words}

    def describe(self) -> dict[str, Any]:
        """As of the backbone."""
        return self.inner.describe()


def _first(places: Tensor, start: int, end: int) -> int:
    """The first token that holds some of these characters."""
    inside = (places[:, 0] < end) & (places[:, 1] > start)
    return int(inside.int().argmax()) if bool(inside.any()) else CUT
