"""Token classification: entities in a text, a tag for each word.

The vector of a word is that of its first token, as in BERT (Devlin et al. 2019, arXiv:1810.04805); of
a word that has none it is zero, so that such words count when a model is measured. Texts that are
longer than the backbone reads at once are read in windows, see :mod:`zoo_tasks.words`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from zoo.plugin import (
    Backbone,
    Batch,
    Features,
    Incompatible,
    LabelProblem,
    Prediction,
    Preprocess,
    Task,
)
from zoo_tasks.spans import OUTSIDE, chunks, tags_in, words_of
from zoo_tasks.words import CUT, KEY, PADDING, Words

_NONE = -1  # the target of what is no word

Entity = tuple[int, int, int, str]  # row, first word, last + 1, type


class TokenClassification(Task):
    """One of ``labels`` for each word: ``O``, ``B-type`` or ``I-type``.

    Targets are positions of tags, ``[rows, words]``, -1 beyond the last word; logits are ``[rows,
    words, tags]``. A unit is a word.
    """

    headline = "f1"
    monitor = "log_loss"
    lower = frozenset({"log_loss"})
    guess = "majority tag"
    several_units = True
    example_labels = (OUTSIDE, "B-person", "I-person")
    example_rows = ('["B-person", "I-person", "O"]', '["O", "B-person"]')

    def head(self, feature_size: int, *, bias: bool = True) -> nn.Linear:
        """A linear layer, ``[…, feature_size]`` to ``[…, tags]``."""
        return nn.Linear(feature_size, len(self.labels), bias=bias)

    def require(self, backbone: Backbone) -> None:
        """A vector for each token, and where the token stands, are needed.

        Raises:
            Incompatible: the backbone does not tell.
        """
        text = "a"
        if backbone.preprocess.places(text) is not None:
            with torch.no_grad():
                found = backbone(backbone.preprocess.collate([backbone.preprocess(text)]))
            if found.tokens is not None:
                return
        raise Incompatible(
            f"{backbone.spec.name} does not say where in a text its tokens stand.",
            hint="Use a transformers backbone with a fast tokenizer, e.g. `nlp:minilm`.",
        )

    def preprocess(self, preprocess: Preprocess) -> Preprocess:
        """Beside the tokens, which of them begin a word."""
        return preprocess if isinstance(preprocess, Words) else Words(preprocess, self.settings)

    def select(self, features: Features, batch: Batch) -> Tensor:
        """The vector of each word, ``[rows, words, size]``."""
        assert features.tokens is not None  # the backbone was asked before
        window, first = batch[KEY].unbind(-1)
        found = features.tokens[window.clamp(min=0), first.clamp(min=0)]
        return found.where(first.unsqueeze(-1) > CUT, 0)

    def real_units(self, batch: Batch) -> Tensor:
        """Which are words, ``[rows, words]``."""
        return batch[KEY][..., 1] != PADDING

    def adjust(self, label: str, sample: Any) -> str:
        """As many tags as the text has words."""
        tags, count = tags_in(label), len(words_of(sample, self.settings))
        return json.dumps((tags * (count // max(1, len(tags)) + 1))[:count])

    def targets(self, labels: Sequence[str]) -> Tensor:
        """Positions of tags, ``[rows, most words]``.

        Raises:
            LabelProblem: what is no list of tags, or a tag that the task does not have.
        """
        positions = {label: at for at, label in enumerate(self.labels)}
        rows = []
        for label in labels:
            try:
                rows.append([positions[tag] for tag in tags_in(label)])
            except KeyError as err:
                raise LabelProblem(
                    f"The tag {err} is not one this model knows ({', '.join(self.labels[:9])}).",
                    hint="Mend the type of the entity, or fit again on data that has it.",
                ) from None
            except ValueError:
                raise LabelProblem(
                    f"{label[:40]!r} is not a list of tags.", hint='Give one, e.g. ["O", "O"].'
                ) from None
        most = max(map(len, rows), default=0)
        return torch.tensor(
            [[*row, *[_NONE] * (most - len(row))] for row in rows], dtype=torch.long
        ).reshape(len(rows), most)

    def units(self, targets: Tensor) -> Tensor:
        """The targets of all words, ``[words]``."""
        return targets[targets != _NONE]

    def by_row(self, logits: Tensor, targets: Tensor) -> Tensor:
        """``[words, tags]`` to ``[rows, most words, tags]``."""
        rows = logits.new_zeros(*targets.shape, logits.shape[-1])
        rows[targets != _NONE] = logits
        return rows

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross-entropy, the mean over words, a scalar."""
        if logits.ndim > 2:
            targets = _as_wide(targets, logits.shape[1])
        wanted = targets.flatten()
        total = functional.cross_entropy(
            logits.flatten(0, -2), wanted, ignore_index=_NONE, reduction="sum"
        )
        return total / (wanted != _NONE).sum().clamp(min=1)

    def majority(self, targets: Tensor, rows: int) -> Tensor:
        """Log frequencies of the training tags, repeated, ``[rows, tags]``."""
        counts = torch.bincount(targets, minlength=len(self.labels)).float() + 1e-6
        return (counts / counts.sum()).log().expand(rows, -1)

    def decode(self, logits: Tensor) -> list[Prediction]:
        """The tags of each row."""
        return [
            Prediction(label=" ".join(tags), data={"tags": tags}) for tags in self._tags(logits)
        ]

    def predictions(self, logits: Tensor, samples: Sequence[Any]) -> list[Prediction]:
        """The entities of each text, with their places in characters, and the text so marked."""
        sure = logits.softmax(-1).amax(-1)
        return [
            self._entities(tags, scores.tolist(), text)
            for tags, scores, text in zip(self._tags(logits), sure, samples, strict=True)
        ]

    def metrics(self, logits: Tensor, targets: Tensor) -> dict[str, float]:
        """Precision, recall and F1 of whole entities, accuracy of tags, and log loss (nats).

        Where there is nothing to find, or nothing was found, they are 0, as in seqeval.
        """
        targets = _as_wide(targets, logits.shape[1])
        true, found = self._both(logits, targets)
        words = targets != _NONE
        right = (logits.argmax(-1) == targets)[words]
        return {
            **_scores(true, found),
            "tag_accuracy": float(right.double().mean()) if len(right) else 0.0,
            "log_loss": float(self.loss(logits, targets)),
        }

    def details(self, logits: Tensor, targets: Tensor) -> dict[str, dict[str, float]]:
        """Precision, recall and F1 of each type."""
        true, found = self._both(logits, _as_wide(targets, logits.shape[1]))
        kinds = sorted({label[2:] for label in self.labels if label != OUTSIDE})
        return {
            kind: _scores({e for e in true if e[3] == kind}, {e for e in found if e[3] == kind})
            for kind in kinds
        }

    def _both(self, logits: Tensor, targets: Tensor) -> tuple[set[Entity], set[Entity]]:
        """True and found entities."""
        lengths = (targets != _NONE).sum(1).tolist()
        found = [tags[:n] for tags, n in zip(self._tags(logits), lengths, strict=True)]
        true = [
            [self.labels[at] for at in row[:n]]
            for row, n in zip(targets.tolist(), lengths, strict=True)
        ]
        return _entities(true), _entities(found)

    def _tags(self, logits: Tensor) -> list[list[str]]:
        return [[self.labels[at] for at in row] for row in logits.argmax(-1).tolist()]

    def _entities(self, tags: list[str], scores: list[float], text: str) -> Prediction:
        words = words_of(text, self.settings)
        found = []
        for first, last, kind in chunks(tags[: len(words)]):
            start, end = words[first][0], words[last - 1][1]
            found.append(
                {
                    "start": start,
                    "end": end,
                    "label": kind,
                    "text": text[start:end],
                    "score": min(scores[first:last]),
                }
            )
        return Prediction(label=_marked(text, found), data={"entities": found})


def _as_wide(targets: Tensor, width: int) -> Tensor:
    """Targets of so many words; what is cut off is padding in all rows of a batch."""
    return functional.pad(targets, (0, width - targets.shape[1]), value=_NONE)


def _entities(rows: Sequence[Sequence[str]]) -> set[Entity]:
    return {(at, *chunk) for at, tags in enumerate(rows) for chunk in chunks(tags)}


def _scores(true: set[Entity], found: set[Entity]) -> dict[str, float]:
    right = len(true & found)
    precision = right / len(found) if found else 0.0
    recall = right / len(true) if true else 0.0
    f1 = 2 * right / (len(true) + len(found)) if right else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def _marked(text: str, entities: Sequence[dict[str, Any]]) -> str:
    """The text with its entities in brackets, ``[person Ann] went home``."""
    pieces, at = [], 0
    for entity in entities:
        pieces += [text[at : entity["start"]], f"[{entity['label']} {entity['text']}]"]
        at = entity["end"]
    return "".join([*pieces, text[at:]])
