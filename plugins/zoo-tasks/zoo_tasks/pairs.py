"""Pairs of texts: read together by a cross-encoder, or one by one by a bi-encoder.

A bi-encoder works on whatever turns a text into a vector. Its head sees what the two vectors have in
common and where they differ (Reimers and Gurevych 2019, arXiv:1908.10084; Conneau et al. 2017,
arXiv:1705.02364), so that a linear head on a frozen backbone is a weighted cosine at the least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from zoo.plugin import Backbone, Batch, Features, Incompatible, Prediction, Preprocess, Task
from zoo_tasks.classification import Classification
from zoo_tasks.regression import Regression


class Both(Preprocess):
    """Both texts of each pair as if they were samples of their own: all first ones, all second ones.

    Args:
        one: what reads a single text.
    """

    def __init__(self, one: Preprocess) -> None:
        self.one = one

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """Tensors of both, told apart by their names."""
        return {
            f"{at}.{name}": tensor
            for at, part in enumerate(sample)
            for name, tensor in self.one(part).items()
        }

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch of twice as many rows."""
        parts = [
            {n.partition(".")[2]: t for n, t in sample.items() if n.startswith(f"{at}.")}
            for at in (0, 1)
            for sample in samples
        ]
        return self.one.collate(parts)

    def describe(self) -> dict[str, Any]:
        """As of one text."""
        return self.one.describe()


class _Pairs(Task):
    """What tasks on pairs share.

    Attributes:
        symmetric: the order of the two does not matter.
    """

    symmetric = False

    def require(self, backbone: Backbone) -> None:
        """A cross-encoder needs a backbone that reads two texts at once.

        Raises:
            Incompatible: it does not.
        """
        if self._crosses and not backbone.preprocess.takes_pairs:
            raise Incompatible(
                f"{backbone.spec.name} reads one text at a time, so it cannot be a cross-encoder.",
                hint="Use a transformers backbone, or `--task-set encoder=bi`.",
            )

    def preprocess(self, preprocess: Preprocess) -> Preprocess:
        """Two texts at once, or one by one."""
        if self._crosses or isinstance(preprocess, Both):
            return preprocess
        return Both(preprocess)

    def sample(self, sample: str) -> tuple[str, str]:
        """The two halves of a text."""
        words = sample.split(" ")
        half = (len(words) + 1) // 2
        return " ".join(words[:half]), " ".join(words[half:]) or sample

    def select(self, features: Features, batch: Batch) -> Tensor:
        """Of a bi-encoder, products and distances of what was made of the two."""
        if self._crosses:
            return features.pooled
        size = features.pooled.shape[-1]
        # Of length sqrt(size), so that products are about 1 and their mean is the cosine.
        u, v = (functional.normalize(features.pooled, dim=-1) * size**0.5).chunk(2)
        parts = [u * v, (u - v).abs()]
        return torch.cat(parts if self.symmetric else [u, v, *parts], dim=-1)

    def feature_size(self, backbone: Backbone) -> int:
        """The length of what :meth:`select` gives."""
        if self._crosses:
            return backbone.feature_size
        return backbone.feature_size * (2 if self.symmetric else 4)

    @property
    def _crosses(self) -> bool:
        return bool(self.settings["encoder"] == "cross")


class PairClassification(_Pairs, Classification):
    """One of ``labels`` for each pair."""


class Similarity(_Pairs, Regression):
    """How alike the two are, a number in the unit of the training data."""

    headline = "spearman"
    guess = "mean of training"
    symmetric = True
    example_labels = ("similarity",)

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The similarity."""
        return [
            Prediction(label=f"{value:.4g}", data={"similarity": value})
            for value in self._in_units(logits)[:, 0].tolist()
        ]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Spearman and Pearson correlation, mean absolute error, and the loss.

        Correlations are left out where all rows, or all answers, are the same.
        """
        from torchmetrics.functional import regression as measures

        known = ~targets[:, 0].isnan()
        found, truth = self._in_units(logits)[known, 0], targets[known, 0].double()
        measured = {"loss": float(self.loss(logits, targets))}
        if len(truth):
            measured = {"mae": float((found - truth).abs().mean()), **measured}
        if len(found.unique()) < 2 or len(truth.unique()) < 2:
            return measured
        return {
            "spearman": float(measures.spearman_corrcoef(found, truth)),
            "pearson": float(measures.pearson_corrcoef(found, truth)),
            **measured,
        }
