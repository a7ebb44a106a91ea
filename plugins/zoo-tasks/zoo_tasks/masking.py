"""Hiding words: which tokens of a text are to be named, and what stands in their place.

As in BERT (Devlin et al. 2019, arXiv:1810.04805): of the tokens that are to be named 80 % are hidden,
10 % replaced by any other and 10 % left. They are drawn anew in each epoch (RoBERTa, Liu et al. 2019,
arXiv:1907.11692), and always the same where a model is measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.plugin import IGNORED, TARGETS, LanguagePreprocess, Preprocess, Task

IDS = "input_ids"
_HIDDEN, _REPLACED = 0.8, 0.1


class Masking(Preprocess):
    """What ``inner`` gives, with tokens hidden while a batch is made.

    Args:
        inner: of the backbone.
        task: knows the epoch, and which share of tokens is to be named.
    """

    def __init__(self, inner: LanguagePreprocess, task: Task) -> None:
        self.inner = inner
        self.task = task

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """Tensors of a text, nothing hidden."""
        return self.inner.encode(sample)

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch with tokens hidden."""
        return self.inner.collate([{**sample, **self._hidden(sample[IDS])} for sample in samples])

    def describe(self) -> dict[str, Any]:
        """As of the backbone."""
        return self.inner.describe()

    def _hidden(self, ids: Tensor) -> dict[str, Tensor]:
        content = ids.numpy().tobytes() + self.task.epoch.to_bytes(4, "big")
        drawn = torch.Generator().manual_seed(zlib.crc32(content))
        free = ~torch.isin(ids, torch.tensor(sorted(self.inner.special_ids)))
        order = torch.rand(len(ids), generator=drawn).where(free, 2)
        count = round(self.task.settings["probability"] * int(free.sum()))
        chosen = order.argsort()[: max(count, min(1, int(free.sum())))]
        fate = torch.rand(len(chosen), generator=drawn)
        others = torch.randint(self.inner.vocabulary, (len(chosen),), generator=drawn)
        targets = torch.full_like(ids, IGNORED)
        targets[chosen] = ids[chosen]
        kept = ids[chosen].where(fate >= _HIDDEN + _REPLACED, others)
        shown = ids.clone()
        shown[chosen] = kept.where(fate >= _HIDDEN, torch.tensor(self.inner.mask_id))
        return {IDS: shown, TARGETS: targets}
