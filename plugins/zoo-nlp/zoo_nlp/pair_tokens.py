"""A text and what is to be made of it as tokens, for an encoder and its decoder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo.plugin import IGNORED, TARGETS, Incompatible
from zoo_nlp.language_tokens import LanguageTokens
from zoo_nlp.tokens import sound


class PairTokens(LanguageTokens):
    """Before an encoder-decoder; every token of an answer is to be named."""

    def encode(self, given: Any, answer: str | None = None) -> dict[str, Tensor]:
        """The tokens of a text, and those of its answer."""
        return self._pair(given, self._named(answer) if answer is not None else [IGNORED])

    def prompt(self, given: Any) -> dict[str, Tensor]:
        """The tokens of a text; nothing is to be named."""
        return self._pair(given, [IGNORED])

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """As :meth:`prompt`."""
        return self.prompt(sample)

    def speak(self, source: str, target: str) -> None:
        """Let the tokenizer mark these languages.

        Raises:
            Incompatible: it marks none, or not this one.
        """
        for language, side in ((source, "src_lang"), (target, "tgt_lang")):
            if language and getattr(self._tokenizer, side, None) != language:
                self._require_known(language)
                setattr(self._tokenizer, side, language)

    def beginning(self) -> dict[str, int]:
        """The mark of the language that is to be spoken."""
        target = getattr(self._tokenizer, "tgt_lang", None)
        if not target:
            return {}
        mark = self._tokenizer.convert_tokens_to_ids(target)
        # Of an answer the mark is the first token, but for mBART's oldest, which begins after it.
        ids = self._named("a")
        return {"forced_bos_token_id" if ids[0] == mark else "decoder_start_token_id": mark}

    def _pair(self, given: str, named: list[int]) -> dict[str, Tensor]:
        encoded = self._tokenizer(sound(given), truncation=True, max_length=self.max_length)
        ids = encoded["input_ids"] or [self._stand_in]
        return {"input_ids": torch.tensor(ids), TARGETS: torch.tensor(named)}

    def _named(self, answer: str) -> list[int]:
        encoded = self._tokenizer(
            text_target=sound(answer), truncation=True, max_length=self.max_length
        )
        ids: list[int] = list(encoded["input_ids"])
        # A tokenizer that ends no text would teach a decoder never to end.
        return ids if self.eos_id is None or self.eos_id in ids else [*ids, self.eos_id]

    def _require_known(self, language: str) -> None:
        known = self._tokenizer
        if not hasattr(known, "tgt_lang"):
            raise Incompatible(
                "This backbone's tokenizer does not tell languages apart.",
                hint="Leave out their names.",
            )
        if known.convert_tokens_to_ids(language) == known.unk_token_id:
            raise Incompatible(
                f"This backbone's tokenizer knows no language {language!r}.",
                hint="Use its own codes, e.g. en_XX or eng_Latn.",
            )
