"""Samples that are too long to be read at once, in parts."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

_Row = TypeVar("_Row")


@dataclass(frozen=True)
class Parts:
    """What is read in place of some samples.

    Attributes:
        samples: parts, or the samples where all are read whole.
        labels: of these.
        counts: how many parts each sample has; ``None`` where all are read whole.
    """

    samples: Sequence[Any]
    labels: Sequence[str]
    counts: Sequence[int] | None = None

    def grouped(self, rows: Sequence[_Row]) -> list[list[_Row]]:
        """Rows of parts, by sample."""
        left = iter(rows)
        return [list(itertools.islice(left, n)) for n in self.counts or [1] * len(self.samples)]

    def by_sample(self, logits: Tensor) -> Tensor:
        """Logits of parts, ``[parts, units, …]``, as those of samples; zeros where a part has no more units."""
        if self.counts is None:
            return logits
        return pad_sequence([each.flatten(0, 1) for each in logits.split([*self.counts])], True)
