"""What tasks share that use the language head of a backbone.

Such a head names tokens of a vocabulary of tens of thousands, so its logits are not kept: of each place
where a token is to be named there remain four numbers, see :func:`scores_of`, and these are the
task's logits.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor, nn

from zoo.plugin import (
    IGNORED,
    TARGETS,
    Backbone,
    Batch,
    Features,
    Generation,
    LanguagePreprocess,
    Parts,
    Prediction,
    Preprocess,
    Task,
    Tell,
)

Encode = Callable[[LanguagePreprocess, Any, str | None], dict[str, Tensor]]

LOGP, MEAN, MARGIN, REAL = range(4)
_MOST = 80.0  # of a loss whose exponential is still written


def scores_of(logits: Tensor, targets: Tensor) -> Tensor:
    """What remains of ``logits``, ``[batch, tokens, 4]`` in float32.

    The log-probability of the token that is to be named; the mean of all tokens', for label smoothing;
    by how much its logit is above that of the next best, below 0 where another is above it; and 1, or
    0 where nothing is to be named.

    Args:
        logits: ``[batch, tokens, vocabulary]``.
        targets: ``[batch, tokens]``, :data:`zoo.plugin.IGNORED` where nothing is to be named.
    """
    real = targets != IGNORED
    found = logits[real].float().log_softmax(-1)
    wanted = targets[real].unsqueeze(1)
    own = found.gather(1, wanted)
    others = found.detach().scatter(1, wanted, -math.inf).amax(1, keepdim=True)
    margin = own.detach() - others
    four = torch.cat([own, found.mean(1, keepdim=True), margin, torch.ones_like(own)], dim=1)
    scores = four.new_zeros(*targets.shape, 4)
    scores[real] = four
    return scores


class LanguageTask(Task):
    """A unit is a token that is to be named; its logits are as :func:`scores_of` gives them."""

    headline = "token_accuracy"
    monitor = "loss"
    lower = frozenset({"loss", "perplexity"})
    guess = "before training"
    several_units = True

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Module:
        """Nothing: the backbone has it."""
        return nn.Identity()

    def select(self, features: Features, batch: Batch) -> Tensor:
        """Scores, ``[rows, tokens, 4]``."""
        assert features.logits is not None  # the backbone was loaded with its language head
        return scores_of(features.logits, batch[TARGETS])

    def real_units(self, batch: Batch) -> Tensor:
        """Where a token is to be named, ``[rows, tokens]``."""
        return batch[TARGETS] != IGNORED

    def in_parts(
        self, samples: Sequence[Any], labels: Sequence[str], preprocess: Preprocess
    ) -> Parts:
        """Texts that are their own target in as many parts as it takes to read all of them."""
        if any(labels) or not isinstance(preprocess, LanguagePreprocess):
            return Parts(samples, labels)
        each = [preprocess.parts(text) for text in samples]
        counts = [len(parts) for parts in each]
        if sum(counts) == len(samples):
            return Parts(samples, labels)
        return Parts([part for parts in each for part in parts], [""] * sum(counts), counts)

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Nothing, ``[rows, 0]``: the tokens to be named are in the batch."""
        return torch.empty(len(labels), 0)

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, the mean over tokens, a scalar; smoothed where that is set."""
        share: float = self.settings.get("label_smoothing", 0.0)
        each = (1 - share) * logits[..., LOGP] + share * logits[..., MEAN]
        real = logits[..., REAL]
        return -(each * real).sum() / real.sum().clamp(min=1)

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Scores of tokens named at random: log-probabilities of 0."""
        return torch.zeros(rows, 4)

    def decode(self, logits: Tensor) -> list[Prediction]:
        """How likely each text is."""
        return [self._likelihood(row) for row in logits]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Cross-entropy a token (nats), its exponential, and the share of tokens named right."""
        real = logits[..., REAL] > 0
        named = logits[real].double()
        loss = float(-named[:, LOGP].mean()) if len(named) else 0.0
        right = float((named[:, MARGIN] > 0).double().mean()) if len(named) else 0.0
        return {
            "token_accuracy": right,
            "perplexity": math.exp(min(loss, _MOST)),
            "loss": loss,
        }

    def answers(
        self,
        backbone: Backbone,
        samples: Sequence[Any],
        *,
        batch_size: int,
        tell: Tell | None = None,
    ) -> list[Prediction]:
        """What the model says to each; the rows that are told of count from the first sample."""
        found: list[Prediction] = []
        for start in range(0, len(samples), batch_size):
            told = None if tell is None else _from(tell, start)
            found += self._answered(backbone, samples[start : start + batch_size], told)
        return found

    @abc.abstractmethod
    def _answered(
        self, backbone: Backbone, samples: Sequence[Any], tell: Tell | None
    ) -> list[Prediction]:
        """What the model says to the samples of one batch."""

    def _likelihood(self, scores: Tensor) -> Prediction:
        found = self.metrics(scores, scores)
        count = int(scores[..., REAL].sum())
        text = f"perplexity {found['perplexity']:.4g} over {count} tokens"
        return Prediction(text, data={"perplexity": found["perplexity"], "tokens": count})


class Answered(NamedTuple):
    """A sample with what is to be answered."""

    given: Any
    answer: str


class Taught(Sequence[Any]):
    """Samples with their labels, where these are not blank.

    Args:
        samples: without labels.
        labels: in the same order.
    """

    def __init__(self, samples: Sequence[Any], labels: Sequence[str]) -> None:
        self._samples, self._labels = samples, labels

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> Taught: ...

    def __getitem__(self, index: int | slice) -> Any:
        """A sample with its label; a slice is lazy too."""
        if isinstance(index, slice):
            return Taught(self._samples[index], self._labels[index])
        given, label = self._samples[index], self._labels[index]
        return Answered(given, label) if label else given


class Language(Preprocess):
    """Samples of a task as a backbone with a language head takes them.

    Args:
        inner: of the backbone.
        encode: makes tensors of a sample and its answer, if it has one.
    """

    def __init__(self, inner: LanguagePreprocess, encode: Encode) -> None:
        self.inner = inner
        self._encode = encode

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """Tensors without a batch dimension."""
        given, answer = sample if isinstance(sample, Answered) else (sample, None)
        return self._encode(self.inner, given, answer)

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """As the backbone has it."""
        return self.inner.collate(samples)

    def describe(self) -> dict[str, Any]:
        """As of the backbone."""
        return self.inner.describe()


def made_texts(
    backbone: Backbone, batch: Batch, how: Generation, tell: Tell | None
) -> list[Prediction]:
    """The texts that a backbone makes for a batch."""
    preprocess = backbone.preprocess
    assert isinstance(preprocess, LanguagePreprocess)
    made = backbone.generate(on_device(batch, backbone), how, tell)
    return [Prediction(preprocess.text(tokens), data={"tokens": len(tokens)}) for tokens in made]


def _from(tell: Tell, start: int) -> Tell:
    """Told of rows that are counted from ``start``."""
    return lambda row, text: tell(start + row, text)


def device_of(backbone: Backbone) -> torch.device:
    """Where it computes."""
    return next(backbone.parameters()).device


def on_device(batch: Batch, backbone: Backbone) -> dict[str, Tensor]:
    """A batch where the backbone computes."""
    device = device_of(backbone)
    return {key: tensor.to(device) for key, tensor in batch.items()}
