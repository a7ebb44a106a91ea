"""A backbone's own language head: what it is given, and how texts are made with it.

Three kinds of language head are told apart: ``masked`` (words that were hidden), ``causal`` (the next
word) and ``seq2seq`` (a text made of another). A backbone is loaded with the one that a task asks for,
see :class:`zoo.plugin.Weights`; its module then holds that head, so that whatever trains, saves or
adapts the backbone does so with the head.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zoo.errors import Incompatible
from zoo.model.preprocess import Preprocess

TARGETS = "zoo.targets"
"""Of a batch: the token that each place of :attr:`Features.logits` is to name, ``[batch, tokens]``."""
IGNORED = -100
"""In place of a token that is not to be named."""

Tell = Callable[[int, str], None]
"""Is given the row of an answer and the piece of text that was added to it."""


@dataclass(frozen=True)
class Generation:
    """How texts are made.

    Attributes:
        tokens: at most so many new ones.
        beams: how many beginnings are kept; 1 takes the likeliest token each time.
        length_penalty: of beams, above 0 for longer texts.
    """

    tokens: int = 128
    beams: int = 1
    length_penalty: float = 1.0


class LanguagePreprocess(Preprocess):
    """Turns texts into tokens, and into the tokens that are to be named.

    Attributes:
        chats: it knows how the messages of a chat become a text.
        mask_id: the token that hides another; ``None`` where there is none.
        special_ids: tokens that stand for no part of a text.
        vocabulary: how many tokens there are.
    """

    chats: bool = False
    mask_id: int | None
    special_ids: frozenset[int]
    vocabulary: int

    @abc.abstractmethod
    def encode(self, given: Any, answer: str | None = None) -> dict[str, Tensor]:
        """One input as tensors without a batch dimension, :data:`TARGETS` among them.

        Args:
            given: a text or, for a causal head, the messages of a chat: ``role`` and ``content``.
            answer: what is to follow it, or to be made of it. Without one a causal head is to name
                every token of a text, and of a chat every token that the assistant said; a masked
                one none, and for the last kind there is nothing to name.
        """

    def parts(self, text: str) -> list[str]:
        """A text that is longer than is read at a time in parts that are not; else itself alone."""
        return [text]

    @abc.abstractmethod
    def prompt(self, given: Any) -> dict[str, Tensor]:
        """The same where an answer is to be made; nothing is to be named."""

    def speak(self, source: str, target: str) -> None:
        """Take texts for those of one language, and answers for those of another; empty: as it is.

        Raises:
            Incompatible: it does not tell languages apart, or does not know one of these.
        """
        if source or target:
            raise Incompatible(
                "This backbone does not tell languages apart.", hint="Leave out their names."
            )

    @abc.abstractmethod
    def text(self, tokens: Tensor) -> str:
        """The text of some tokens, ``[tokens]``."""
