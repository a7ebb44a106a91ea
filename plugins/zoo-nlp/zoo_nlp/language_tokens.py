"""Texts to tokens, and to the tokens that a language head is to name."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.plugin import IGNORED, TARGETS, LanguagePreprocess
from zoo_nlp.chats import Chats
from zoo_nlp.tokens import Tokens, sound

_FILLED = 0.9  # of the longest input, by parts of the mean number of tokens


class LanguageTokens(Tokens, LanguagePreprocess):
    """A pretrained tokenizer before a language head; arguments as for :class:`Tokens`."""

    takes_pairs = False

    def __init__(self, *args: Any, vocabulary: int, **options: Any) -> None:
        super().__init__(*args, vocabulary=vocabulary, **options)
        known = self._tokenizer
        self.vocabulary = vocabulary
        self.mask_id = known.mask_token_id
        self.special_ids = frozenset(known.all_special_ids)

    def parts(self, text: str) -> list[str]:
        """A text that is longer than is read at a time in parts of like length, cut at spaces."""
        longest = self._most(text)
        if longest <= self.max_length or len(text) < 2:
            return [text]
        # Not all parts of one length in characters have as many tokens.
        count = max(2, math.ceil(longest / (_FILLED * self.max_length)))
        size = len(text) / count
        ends = [_space_before(text, round(size * at), size) for at in range(1, count)]
        pieces = [text[a:b].strip() for a, b in itertools.pairwise([0, *ends, len(text)])]
        return [part for piece in pieces if piece for part in self.parts(piece)]

    def _most(self, text: str) -> int:
        """How many tokens a text has, those that mark its ends among them more than once."""
        if self._backend is None:
            return len(self._tokenizer(sound(text), verbose=False)["input_ids"])
        encoding = self._backend.encode(sound(text))
        return len(encoding.ids) + sum(len(more.ids) for more in encoding.overflowing)

    @property
    def eos_id(self) -> int | None:
        """The token that ends a text."""
        found: int | None = self._tokenizer.eos_token_id
        return found

    def prompt(self, given: Any) -> dict[str, Tensor]:
        """The tokens of a text; nothing is to be named."""
        return _with_targets(super().__call__(given))

    def encode(self, given: Any, answer: str | None = None) -> dict[str, Tensor]:
        """As :meth:`prompt`: what is to be named is hidden later."""
        return self.prompt(given)

    def beginning(self) -> dict[str, int]:
        """With which tokens an answer begins, where that is not the model's own affair."""
        return {}

    def text(self, tokens: Tensor) -> str:
        """The text of some tokens, without special ones."""
        return str(self._tokenizer.decode(tokens.tolist(), skip_special_tokens=True)).strip()

    def collate(self, samples: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """A batch; where there is padding nothing is to be named."""
        inner = [{n: t for n, t in sample.items() if n != TARGETS} for sample in samples]
        targets = pad_sequence([sample[TARGETS] for sample in samples], True, IGNORED)
        return {**super().collate(inner), TARGETS: targets}


class Opening(str):
    """A text that goes on elsewhere: where it ends, no end is to be named."""


def _space_before(text: str, at: int, size: float) -> int:
    """The end of the last word before a place, or the place where none is near; parts have that size."""
    found = max(text.rfind(space, at - int(size / 2), at) for space in " \n\t")
    return found if found > 0 else at


def _with_targets(encoded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {**encoded, TARGETS: torch.full_like(encoded["input_ids"], IGNORED)}


class CausalTokens(LanguageTokens):
    """Before a head that names the next token; each place is to name the one after it."""

    def __init__(self, name: str, *args: Any, **options: Any) -> None:
        super().__init__(name, *args, **options)
        known = self._tokenizer
        self.chats = bool(getattr(known, "chat_template", None)) and self._backend is not None
        self._chats = Chats(name, known)

    def __call__(self, sample: Any) -> dict[str, Tensor]:
        """A text of which every token is to be named."""
        return self.encode(sample)

    def encode(self, given: Any, answer: str | None = None) -> dict[str, Tensor]:
        """A text, a chat, or a prompt and what is to follow it; an end is to be named, too.

        Of a text the beginning is kept where it is too long, elsewhere the end.
        """
        if not isinstance(given, str):
            return self._chat(given)
        ids = self._ids(given)
        if answer is None:
            ids = ids if isinstance(given, Opening) else self._ended(ids)
            return self._taught(ids[: self.max_length], range(1, len(ids)))
        whole = ids + self._ended(self._ids(answer, special=False))
        cut = max(0, len(whole) - self.max_length)
        return self._taught(whole[cut:], range(len(ids) - cut, len(whole) - cut))

    def parts(self, text: str) -> list[str]:
        """As of any; only the last part has an end that is to be named."""
        *first, last = super().parts(text)
        return [*map(Opening, first), last]

    def _most(self, text: str) -> int:
        """How many tokens a text has with its end."""
        return len(self._ended(self._ids(text)))

    def prompt(self, given: Any) -> dict[str, Tensor]:
        """A text that is to be continued, or a chat in which it is the assistant's turn."""
        if isinstance(given, str):
            ids = self._ids(given)
        else:
            ids = self._ids(self._chats.render(given, asked=True), special=False)
        return self._taught(ids[-self.max_length :] or [self._stand_in], ())

    def _chat(self, messages: Sequence[Mapping[str, str]]) -> dict[str, Tensor]:
        text, spans = self._chats.answered(messages)
        encoded = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        places = [
            at
            for at, (start, end) in enumerate(encoded["offset_mapping"])
            if any(start < last and end > first for first, last in spans)
        ]
        cut = max(0, len(encoded["input_ids"]) - self.max_length)
        return self._taught(encoded["input_ids"][cut:], [at - cut for at in places])

    def _taught(self, ids: Sequence[int], places: Sequence[int]) -> dict[str, Tensor]:
        """Tokens, of which those in ``places`` are to be named by the one before."""
        tokens = torch.tensor(ids)
        targets = torch.full_like(tokens, IGNORED)
        named = torch.tensor([at for at in places if 0 < at < len(ids)], dtype=torch.long)
        targets[named - 1] = tokens[named]
        return {"input_ids": tokens, TARGETS: targets}

    def _ids(self, text: str, *, special: bool = True) -> list[int]:
        """Tokens of a text, without an end."""
        encoded = self._tokenizer(sound(text), add_special_tokens=special, verbose=False)
        ids: list[int] = list(encoded["input_ids"])
        while special and ids and ids[-1] == self.eos_id:
            ids.pop()
        return ids

    def _ended(self, ids: list[int]) -> list[int]:
        ended = ids if self.eos_id is None else [*ids, self.eos_id]
        return ended or [self._stand_in]
