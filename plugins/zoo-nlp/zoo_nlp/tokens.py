"""Texts to token ids, and token ids to padded batches."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer, PreTrainedConfig

from zoo.plugin import FileState, Preprocess, WeightsInvalid
from zoo_nlp.files import sentence_length, tokenizer_digest
from zoo_nlp.quiet import quiet

LONGEST = 512  # attention costs the square of it; longer texts are cut


class Tokens(Preprocess):
    """A pretrained tokenizer, one text or pair at a time; batches are padded on the right.

    Args:
        name: of the backbone, for messages.
        folder: with the tokenizer's files.
        config: of the model.
        vocabulary: how many tokens the model knows; a tokenizer may have a padding token beyond.
        positions: how many the model has, ``None`` where there is no limit.
        type_ids: whether the model takes token types.
        prefix: what every text is to begin with.
        files: the state of ``folder``, where the tokenizer may be shared with others of it.

    Attributes:
        max_length: longest input in tokens; the rest of a text is cut.
        pad_id: what batches are padded with, under a mask.
        drops_type_ids: the tokenizer gives token types that the model does not take.
        has_cls: texts begin with a token made for classification.
        ends_with_pad: the last token of every text is the padding token.
    """

    takes_pairs = True

    def __init__(
        self,
        name: str,
        folder: Path,
        config: PreTrainedConfig,
        *,
        vocabulary: int,
        positions: int | None,
        type_ids: bool,
        prefix: str = "",
        files: FileState = FileState(),  # noqa: B008  # frozen
    ) -> None:
        known, longest, self._digest = files.once(
            ("tokenizer", positions), lambda: _read(name, folder, config, positions)
        )
        self.prefix = prefix
        self._tokenizer = known
        given = "token_type_ids" in known.model_input_names
        self._type_ids = type_ids and given
        self.drops_type_ids = given and not type_ids
        self.has_cls = known.cls_token_id is not None
        self.pad_id = _first_below(vocabulary, known.pad_token_id, known.eos_token_id, 0)
        # A tokenizer without special tokens makes nothing of an empty text; a model needs a token.
        self._stand_in = _first_below(
            vocabulary, known.bos_token_id, known.eos_token_id, self.pad_id
        )
        self._backend = getattr(known, "backend_tokenizer", None)
        self.max_length = longest
        self.ends_with_pad = self("a")["input_ids"][-1].item() == self.pad_id

    def __call__(self, sample: str | tuple[str, ...]) -> dict[str, Tensor]:
        """``input_ids`` (and ``token_type_ids``), each ``[tokens]``."""
        first, *second = (sample,) if isinstance(sample, str) else sample
        ids, types = self._encode(self.prefix + sound(first), *map(sound, second))
        if not ids:
            ids, types = [self._stand_in], [0]
        encoded = {"input_ids": torch.tensor(ids)}
        if self._type_ids:
            encoded["token_type_ids"] = torch.tensor(types)
        return encoded

    def places(self, sample: str) -> Tensor | None:
        """Where tokens stand, ``[tokens, 2]``; of a slow tokenizer nobody can tell."""
        if self._backend is None:
            return None
        offsets = torch.tensor(self._backend.encode(self.prefix + sound(sample)).offsets)
        if not len(offsets):
            return torch.zeros(1, 2, dtype=torch.long)  # the token that stands in for none
        return (offsets - len(self.prefix)).clamp(min=0)

    def shorten(self, tokens: int) -> None:
        """Cut texts to so many tokens from now on."""
        if tokens != self.max_length:
            self._tokenizer = copy.deepcopy(self._tokenizer)  # it may be shared
            self._backend = getattr(self._tokenizer, "backend_tokenizer", None)
            _cut(self._tokenizer, tokens)
        self.max_length = tokens

    def describe(self) -> dict[str, Any]:
        """The longest input, what texts are made to begin with, and the digest of the vocabulary for information."""
        described = {"max_length": self.max_length, "tokenizer_sha256": self._digest}
        return described | ({"prefix": self.prefix} if self.prefix else {})

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """Batches ``[batch, longest]``, with an ``attention_mask`` that is 0 on padding."""
        padding = {"input_ids": self.pad_id, "token_type_ids": self._tokenizer.pad_token_type_id}
        batch = {
            key: pad_sequence([s[key] for s in samples], True, padding[key]) for key in samples[0]
        }
        lengths = torch.tensor([len(sample["input_ids"]) for sample in samples])
        longest = torch.arange(batch["input_ids"].shape[1])
        batch["attention_mask"] = (longest < lengths.unsqueeze(1)).long()
        return batch

    def _encode(self, *texts: str) -> tuple[list[int], list[int]]:
        if self._backend is not None:
            # Half the time of the tokenizer's own call, which is made for batches.
            encoding = self._backend.encode(*texts)
            return encoding.ids, encoding.type_ids
        encoded = self._tokenizer(*texts, truncation=True, max_length=self.max_length)
        ids = encoded["input_ids"]
        return ids, encoded.get("token_type_ids", [0] * len(ids))


def sound(text: str) -> str:
    """JSON can hold half of a surrogate pair, which no tokenizer takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _read(
    name: str, folder: Path, config: PreTrainedConfig, positions: int | None
) -> tuple[Any, int, str]:
    """A tokenizer, the longest input in tokens, to which it cuts, and the digest of its words."""
    known = _tokenizer(name, folder, config)
    limits = (LONGEST, known.model_max_length, positions, sentence_length(folder))
    longest = int(min(limit for limit in limits if limit and limit > 0))
    _cut(known, longest)
    return known, longest, tokenizer_digest(folder)


def _cut(tokenizer: Any, tokens: int) -> None:
    """Let the backend of a tokenizer, which is called directly, cut texts and not pad them."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_padding()
        backend.enable_truncation(tokens, direction=tokenizer.truncation_side)


def _tokenizer(name: str, folder: Path, config: PreTrainedConfig) -> Any:
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(
                folder, config=config, local_files_only=True, trust_remote_code=False
            )
    except Exception as err:  # many libraries stand behind a tokenizer
        reason = (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
        raise WeightsInvalid(f"{name}: transformers cannot read its tokenizer: {reason}") from err


def _first_below(limit: int, *ids: int | None) -> int:
    return next(i for i in ids if i is not None and i < limit)
