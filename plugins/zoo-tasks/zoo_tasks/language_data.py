"""Texts as targets: what language tasks make of data. No torch."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from zoo.plugin import Labelling

_CHATS = ("messages", "conversation", "conversations")
_PROMPTS = ("prompt", "instruction", "question", "input")
_ANSWERS = ("response", "completion", "answer", "output")
_SOURCES = ("source", "src", "document", "article", "text")
_TARGETS = ("target", "tgt", "translation", "summary", "highlights")
_ROLES = ("system", "user", "assistant", "tool")
_MESSAGES = 'a chat is a list of messages such as {"role": "user", "content": "Hello."}'


class Texts(Labelling):
    """Texts that are their own target."""

    optional = True

    def roles(self, columns: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """A column called ``text``; else the longest texts are looked for."""
        named = [name for name in columns if name.lower() == "text"]
        return named[:1], ()

    def likely(self, values: Sequence[str]) -> bool:
        """Never: there are no targets."""
        return False

    def fault(self, label: str) -> str:
        """A label is of no use."""
        return "the task takes texts without labels"

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """None that has a name."""
        return ()


class Conversations(Labelling):
    """Texts, prompts with what is to follow them, or chats."""

    optional = True
    names = frozenset(_ANSWERS)

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        # Or as the column's name says, or once the first row is one.
        self._chats = settings.get("form") == "chat"

    def roles(self, columns: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """``messages``; else a prompt and a response by their usual names; else ``text``."""
        chats, prompts, answers, texts = (
            _first(columns, names) for names in (_CHATS, _PROMPTS, _ANSWERS, ("text",))
        )
        self._chats = self._chats or bool(chats)
        if chats:
            return chats, ()
        if answers:
            return prompts, answers
        return texts, ()

    def likely(self, values: Sequence[str]) -> bool:
        """Never: a target is known by its name, or told."""
        return False

    def fault(self, label: str) -> str:
        """Any text may follow."""
        return ""

    def read(self, label: str, given: Any) -> str:
        """The label as it is, where the chat is one.

        Raises:
            ValueError: it has no answer, or is no chat.
        """
        messages = messages_in(given)
        if messages is None and not label and self._chats:
            raise ValueError(f"{str(given)[:40]!r} is no chat; {_MESSAGES}")
        self._chats = self._chats or messages is not None
        if messages is not None and (why := _wrong(messages, answered=not label)):
            raise ValueError(why)
        return label

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """None that has a name."""
        return ()


def messages_in(given: Any) -> list[Any] | None:
    """The messages of a chat that is written as JSON, or is a list; ``None`` for any other text."""
    if isinstance(given, list):
        return given
    if not (isinstance(given, str) and given.lstrip().startswith(("[{", "[ {", "[\n", "[]"))):
        return None
    try:
        found = json.loads(given)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) and all(isinstance(m, dict) for m in found) else None


def _first(columns: Sequence[str], names: Collection[str]) -> tuple[str, ...]:
    by_name = {name.lower(): name for name in reversed(columns)}
    return tuple(by_name[name] for name in names if name in by_name)[:1]


def _wrong(messages: Sequence[Mapping[str, Any]], *, answered: bool) -> str:
    """What is wrong with a chat; empty where nothing is."""
    for number, message in enumerate(messages, start=1):
        if "role" not in message:
            return f"message {number} has no role; {_MESSAGES}"
        if message.get("role") not in _ROLES:
            return f"message {number} has the role {str(message.get('role'))[:40]!r}"
        if not isinstance(message.get("content"), str) or not message["content"].strip():
            return f"message {number} ({message['role']}) has no text"
    if not messages:
        return "a chat without messages"
    if answered and messages[-1]["role"] != "assistant":
        return f"a chat without an answer: it ends with a message of the {messages[-1]['role']}"
    return ""


class Pairs(Labelling):
    """Texts and what is to be made of each."""

    names = frozenset(_TARGETS)

    def roles(self, columns: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """A source and a target by their usual names."""
        return _first(columns, _SOURCES), _first(columns, _TARGETS)

    def likely(self, values: Sequence[str]) -> bool:
        """Never: a target is known by its name, or told."""
        return False

    def fault(self, label: str) -> str:
        """Any text may be made."""
        return ""

    def outputs(self, labels: Sequence[str]) -> tuple[str, ...]:
        """None that has a name."""
        return ()
