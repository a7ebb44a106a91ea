"""Causal language modelling and chat: naming what comes next, by the backbone's own head.

Of a prompt and its response, or of a chat, only what is answered is to be named (Ouyang et al. 2022,
arXiv:2203.02155); of a text without labels every token is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from zoo.plugin import (
    Backbone,
    Generation,
    Incompatible,
    LanguagePreprocess,
    Parts,
    Prediction,
    Preprocess,
    Tell,
)
from zoo_tasks.language import Answered, Language, LanguageTask, Taught, made_texts
from zoo_tasks.language_data import messages_in

_TURN = "\n"  # between a prompt and what follows it, where there is no template


class CausalLanguage(LanguageTask):
    """The tokens that come next.

    Its setting ``form`` says what it was trained on, once it was: ``text``, ``prompt`` or ``chat``.
    """

    speaks = True

    @property
    def makes_texts(self) -> bool:  # type: ignore[override]  # goes by what it was trained on
        """Whether its answers can be compared with those of the data."""
        return self.settings["form"] in ("prompt", "chat")

    def preprocess(self, preprocess: Preprocess) -> Preprocess:
        """Prompts and chats as the backbone takes them."""
        if not isinstance(preprocess, LanguagePreprocess):
            return preprocess
        return Language(preprocess, self._encode)

    def sample(self, sample: Any) -> Any:
        """The two halves of a text, where it answers prompts."""
        words = sample.split(" ")
        half = (len(words) + 1) // 2
        if not self.makes_texts or len(words) < 2:
            return sample
        return Answered(" ".join(words[:half]), " ".join(words[half:]))

    def in_parts(
        self, samples: Sequence[Any], labels: Sequence[str], preprocess: Preprocess
    ) -> Parts:
        """Texts in parts; prompts and chats as they are."""
        form = self.settings["form"]
        if (_form(samples, labels) if form == "auto" else form) != "text":
            return Parts(samples, labels)
        return super().in_parts(samples, labels, preprocess)

    def taught(self, samples: Sequence[Any], labels: Sequence[str]) -> Sequence[Any]:
        """Prompts with their answers; what the data is like is kept in the setting ``form``."""
        if self.settings["form"] == "auto":
            self.settings["form"] = _form(samples, labels)
        return Taught(samples, labels) if any(labels) else samples

    def judged(
        self, answers: Sequence[Prediction], samples: Sequence[Any], labels: Sequence[str]
    ) -> dict[str, float]:
        """Exact match: the share of answers that are those of the data, spaces at the ends aside."""
        pairs = zip(answers, samples, labels, strict=True)
        same = [a.label.strip() == (label or _said(given)).strip() for a, given, label in pairs]
        return {"exact_match": sum(same) / max(1, len(same))}

    @torch.inference_mode()
    def _answered(
        self, backbone: Backbone, samples: Sequence[Any], tell: Tell | None
    ) -> list[Prediction]:
        """What the model says next."""
        preprocess = backbone.preprocess
        assert isinstance(preprocess, LanguagePreprocess)
        batch = preprocess.collate([self._prompt(preprocess, each) for each in samples])
        how = Generation(tokens=self.settings["length"], beams=self.settings["beams"])
        return made_texts(backbone, batch, how, tell)

    def _encode(self, preprocess: LanguagePreprocess, given: Any, answer: str | None) -> Any:
        chat = self._chat(preprocess, given)
        if chat is None:
            text = given + _TURN if answer is not None else given
            return preprocess.encode(text, answer)
        if answer is None and (not chat or chat[-1]["role"] != "assistant"):
            return preprocess.prompt(chat)
        return preprocess.encode([*chat, *_message(answer)])

    def _prompt(self, preprocess: LanguagePreprocess, given: Any) -> Any:
        chat = self._chat(preprocess, given)
        if chat is None:
            text = given + _TURN if self.makes_texts else given
            return preprocess.prompt(text)
        while chat and chat[-1]["role"] == "assistant":
            chat = chat[:-1]
        return preprocess.prompt(chat)

    def _chat(self, preprocess: LanguagePreprocess, given: Any) -> list[Any] | None:
        """The messages of a chat; ``None`` where the text stands for itself."""
        messages = messages_in(given)
        form = self.settings["form"]
        if messages is None and not (form == "chat" and preprocess.chats):
            return None
        if not preprocess.chats:
            raise Incompatible(
                "The backbone's tokenizer has no chat template, so it does not say how a chat is "
                "written.",
                hint="Use a backbone made for chat, or a prompt and a response column.",
            )
        return messages if messages is not None else [{"role": "user", "content": given}]


def _form(samples: Sequence[Any], labels: Sequence[str]) -> str:
    if any(labels):
        return "chat"
    return "text" if not len(samples) or messages_in(samples[0]) is None else "chat"


def _message(answer: str | None) -> list[dict[str, str]]:
    return [] if answer is None else [{"role": "assistant", "content": answer}]


def _said(given: Any) -> str:
    """The last thing that the assistant says in a chat."""
    messages = messages_in(given) or []
    return str(messages[-1].get("content", "")) if messages else ""
