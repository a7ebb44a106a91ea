"""Texts to tokens, and to the tokens that a language head is to name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.plugin import IGNORED, TARGETS, LanguagePreprocess
from zoo_nlp.tokens import Tokens


class LanguageTokens(Tokens, LanguagePreprocess):
    """A pretrained tokenizer before a language head; arguments as for :class:`Tokens`."""

    takes_pairs = False

    def __init__(self, *args: Any, vocabulary: int, **options: Any) -> None:
        super().__init__(*args, vocabulary=vocabulary, **options)
        known = self._tokenizer
        self.vocabulary = vocabulary
        self.mask_id = known.mask_token_id
        self.special_ids = frozenset(known.all_special_ids)

    def prompt(self, given: Any) -> dict[str, Tensor]:
        """The tokens of a text; nothing is to be named."""
        return _with_targets(super().__call__(given))

    def encode(self, given: Any, answer: str | None = None) -> dict[str, Tensor]:
        """As :meth:`prompt`: what is to be named is hidden later."""
        return self.prompt(given)

    def text(self, tokens: Tensor) -> str:
        """The text of some tokens, without special ones."""
        return str(self._tokenizer.decode(tokens.tolist(), skip_special_tokens=True)).strip()

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch; where there is padding nothing is to be named."""
        inner = [{n: t for n, t in sample.items() if n != TARGETS} for sample in samples]
        targets = pad_sequence([sample[TARGETS] for sample in samples], True, IGNORED)
        return {**super().collate(inner), TARGETS: targets}


def _with_targets(encoded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {**encoded, TARGETS: torch.full_like(encoded["input_ids"], IGNORED)}
