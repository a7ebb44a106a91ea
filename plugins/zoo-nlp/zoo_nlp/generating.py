"""Making texts with transformers: prompts that end together, and pieces told as they are made."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from transformers.generation.streamers import BaseStreamer

from zoo.plugin import Batch
from zoo_nlp.language_tokens import LanguageTokens

_INPUTS = ("input_ids", "attention_mask")


def prompts(batch: Batch, tokens: int, positions: int | None) -> tuple[dict[str, Tensor], int]:
    """The prompts of a batch padded on the left, and how many tokens there is room for.

    Args:
        batch: prompts padded on the right.
        tokens: how many are asked for.
        positions: how many the model has; the beginning of a prompt makes room for half of them.
    """
    rolled = {name: _to_the_left(batch[name], batch["attention_mask"]) for name in _INPUTS}
    if positions is None:
        return rolled, tokens
    tokens = min(tokens, positions // 2)
    return {name: rows[:, -(positions - tokens) :] for name, rows in rolled.items()}, tokens


def sources(batch: Batch, tokens: int, positions: int | None) -> tuple[dict[str, Tensor], int]:
    """As :func:`prompts`, of texts that an encoder reads."""
    room = tokens if positions is None else min(tokens, positions - 1)
    return {name: batch[name] for name in _INPUTS}, room


def _to_the_left(rows: Tensor, mask: Tensor) -> Tensor:
    shift = mask.shape[1] - mask.sum(1, keepdim=True)
    place = (torch.arange(mask.shape[1], device=mask.device) - shift) % mask.shape[1]
    return rows.gather(1, place)


class Streamer(BaseStreamer):
    """Tells a text piece by piece: what is new in it, once no further token can change it.

    Args:
        tokens: make a text of tokens.
        tell: is given each piece.
    """

    def __init__(self, tokens: LanguageTokens, tell: Callable[[str], None]) -> None:
        self._tokens, self._tell = tokens, tell
        self._ids: list[int] = []
        self._told = ""
        self._begun = False

    def put(self, value: Tensor) -> None:
        """One more token; the first call is the prompt."""
        if not self._begun:
            self._begun = True
            return
        self._ids += value.flatten().tolist()
        text = self._tokens.text(torch.tensor(self._ids))
        # A character may need further tokens, and a word more letters.
        if not text.endswith("\ufffd") and text.startswith(self._told):
            self._tell(text[len(self._told) :])
            self._told = text

    def end(self) -> None:
        """All that was held back."""
        text = self._tokens.text(torch.tensor(self._ids, dtype=torch.long))
        self._tell(text[len(self._told) :])
