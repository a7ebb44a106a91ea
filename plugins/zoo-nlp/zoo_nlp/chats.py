"""The messages of a chat as a text, by the template that comes with a tokenizer.

A template is a program of a stranger. transformers runs it in Jinja's immutable sandbox, from which
no attribute of Python's own leads out; what it raises there is refused here, and so is one that does
not come to an end or fills the memory.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import Environment

from zoo.plugin import Incompatible, WeightsInvalid
from zoo_nlp.bounds import TooMuch, bounded

Message = Mapping[str, str]
_LONGEST = 1 << 22  # characters: a template that repeats itself
_STEPS = 1_000_000  # lines of a template, as Jinja translates it; a message takes some tens
_FILE = "<template>"  # what Jinja compiles a template as that comes from no file


class Chats:
    """Renders chats.

    Args:
        name: of the backbone, for messages.
        tokenizer: with a template.
    """

    def __init__(self, name: str, tokenizer: Any) -> None:
        self._name = name
        self._tokenizer = tokenizer

    def render(self, messages: Sequence[Message], *, asked: bool) -> str:
        """The text of a chat; where an answer is ``asked``, up to where it begins.

        Raises:
            WeightsInvalid: the template cannot be run in the sandbox, or on these messages.
        """
        try:
            if self._takes_powers:
                raise TooMuch("it computes powers")
            with bounded(_FILE, _STEPS):
                text = self._tokenizer.apply_chat_template(
                    [dict(message) for message in messages],
                    tokenize=False,
                    add_generation_prompt=asked,
                )
        except Exception as err:  # whatever the program of a stranger does
            reason = (str(err).strip().splitlines() or [type(err).__name__])[0][:200]
            raise WeightsInvalid(
                f"{self._name}: its chat template cannot be used on this chat: {reason}",
                hint="Roles alternate between user and assistant in most templates; some take no "
                "system message.",
            ) from err
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise WeightsInvalid(f"{self._name}: its chat template makes no text of a chat.")
        return text

    def answered(self, messages: Sequence[Message]) -> tuple[str, list[tuple[int, int]]]:
        """The text of a chat, and where in it the assistant speaks: first character, last + 1.

        Raises:
            WeightsInvalid: as for :meth:`render`.
            Incompatible: the template rewrites what was said before, so that nobody can tell.
        """
        text = self.render(messages, asked=False)
        spans = list(self._spans(text, messages))
        if not spans:
            raise Incompatible(
                f"{self._name}: its chat template does not show where the assistant speaks.",
                hint="Use a prompt and a response column with `--task-set form=prompt`.",
            )
        return text, spans

    @functools.cached_property
    def _takes_powers(self) -> bool:
        """One power can keep a processor busy for days, and counts as a single step."""
        tokens = Environment(autoescape=True).lex(self._tokenizer.get_chat_template())
        return any(kind == "operator" and value == "**" for _, kind, value in tokens)

    def _spans(self, text: str, messages: Sequence[Message]) -> Iterator[tuple[int, int]]:
        for at, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self.render(messages[:at], asked=True)
            through = self.render(messages[: at + 1], asked=False)
            # Some templates leave out of earlier answers what was thought; those teach nothing.
            if text.startswith(through) and through.startswith(before):
                yield len(before), len(through)
