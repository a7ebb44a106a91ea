"""Static word vectors as a backbone: a text is the mean of its words' vectors.

A word is looked up as it is written, then in lower case; one that is found neither way is left out,
and a text without a known word is the zero vector.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Block,
    Features,
    InputContract,
    Origin,
    Preprocess,
    Weights,
    WeightsNotFound,
)
from zoo_nlp.word_file import WordFile, read_word_file

LONGEST = 4096  # words; the rest of a text is cut
# Letters and digits with apostrophes and hyphens inside; any other sign stands alone.
_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*|[^\w\s]")
_TEXTS, _PROBED = 8, 32  # texts of the probe, and the words they are made of
_IDS = "input_ids"


class Words(Preprocess):
    """Words to their places in a vocabulary.

    Args:
        words: the vocabulary.
        kind: the form of its file, for the description.
    """

    def __init__(self, words: Sequence[str], kind: str) -> None:
        self._places = {word: place for place, word in enumerate(words)}
        self._kind = kind

    def __call__(self, sample: str) -> dict[str, Tensor]:
        """``input_ids [known words]``; may be empty."""
        known = [place for place in self._read(sample) if place is not None]
        return {_IDS: torch.tensor(known, dtype=torch.long)}

    def known_words(self, sample: str) -> tuple[int, int]:
        """How many words have a vector, of those that are read."""
        places = self._read(sample)
        return sum(place is not None for place in places), len(places)

    def describe(self) -> dict[str, Any]:
        """Tokenisation and what happens to words that are not known."""
        return {
            "format": self._kind,
            "words": _WORD.pattern,
            "lookup": ["as written", "lower-cased"],
            "unknown": "left out",
            "max_length": LONGEST,
        }

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Batches ``[batch, longest]``, with an ``attention_mask`` that is 0 on padding."""
        ids = pad_sequence([sample[_IDS] for sample in samples], batch_first=True)
        lengths = torch.tensor([len(sample[_IDS]) for sample in samples])
        mask = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
        return {_IDS: ids, "attention_mask": mask.long()}

    def _read(self, sample: str) -> list[int | None]:
        """Places of the words that are read; ``None`` of one that is not known."""
        return [self._place(found.group()) for found in _WORD.finditer(sample)][:LONGEST]

    def _place(self, word: str) -> int | None:
        place = self._places.get(word)
        return self._places.get(word.lower()) if place is None else place


class Table(nn.Module):
    """The vectors, and the identity of the words they stand for."""

    words_sha256: Tensor

    def __init__(self, file: WordFile) -> None:
        super().__init__()
        self.embeddings = nn.Embedding.from_pretrained(torch.from_numpy(file.vectors), freeze=False)
        # Among the tensors, so that the digest of the weights tells vocabularies apart.
        identity = hashlib.sha256("\n".join(file.words).encode("utf-8", "replace")).digest()
        self.register_buffer("words_sha256", torch.tensor(list(identity), dtype=torch.uint8))

    def forward(self, ids: Tensor) -> Tensor:
        """``[batch, words]`` to ``[batch, words, size]``."""
        vectors: Tensor = self.embeddings(ids)
        return vectors


class WordVectors(Backbone):
    """Texts to the means of their words' vectors.

    Args:
        spec: under the name that artifacts carry.
        file: words and vectors.
        folder: where the file is.
    """

    def __init__(self, spec: BackboneSpec, file: WordFile, folder: Path) -> None:
        super().__init__(
            spec,
            Table(file),
            preprocess=Words(file.words, file.kind),
            contract=InputContract(modality="text", max_length=LONGEST),
            blocks=[Block("embeddings", ("embeddings",))],
            feature_size=file.vectors.shape[1],
            origin=Origin("", folder=folder),
            poolings=("mean",),
        )
        self._some = file.words[:_PROBED]

    def forward(self, batch: Batch) -> Features:
        """``pooled [batch, size]``, ``tokens [batch, words, size]`` and mask."""
        vectors, mask = self.module(batch[_IDS]), batch["attention_mask"]
        total = (vectors * mask.unsqueeze(-1)).sum(1)
        return Features(total / mask.sum(1, keepdim=True).clamp(min=1), vectors, mask)

    def probe_inputs(self) -> Sequence[Tensor]:
        """Texts of words that the file has; it need not have any of the host's."""
        texts = (" ".join(self._some[i::_TEXTS]) for i in range(_TEXTS))
        return [torch.tensor(list(text.encode()), dtype=torch.uint8) for text in texts if text]


def load(spec: BackboneSpec, weights: Weights) -> WordVectors:
    """Load the file that ``spec`` names, or the one of that name in ``--weights FOLDER``.

    Raises:
        WeightsNotFound: it is nowhere.
        WeightsInvalid: it holds no word vectors.
    """
    path = Path(spec.options["file"]).expanduser()
    if weights.path is not None:
        path = weights.path / path.name if weights.path.is_dir() else weights.path
    if not path.is_file():
        raise WeightsNotFound(
            f"{path} is not a file.",
            hint="Name one: `vectors:./glove.6B.100d.txt`; or say with `--weights FOLDER` where "
            "the one of that name is.",
        )
    file = read_word_file(path)
    if not weights.pretrained:
        drawn = torch.randn(file.vectors.shape) * float(file.vectors.std())
        file = replace(file, vectors=drawn.numpy())
    # Where a file lies on one machine is nobody else's business.
    return WordVectors(replace(spec, name=f"vectors:./{path.name}"), file, path.parent)
