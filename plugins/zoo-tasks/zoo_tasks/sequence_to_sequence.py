"""Sequence to sequence: translation, summarisation, by the backbone's own encoder and decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from zoo.plugin import (
    Backbone,
    Generation,
    LanguagePreprocess,
    Prediction,
    Preprocess,
    Tell,
)
from zoo_tasks.language import Answered, Language, LanguageTask, Taught, made_texts
from zoo_tasks.rouge import rouge


class SequenceToSequence(LanguageTask):
    """Texts made of texts."""

    speaks = True
    makes_texts = True

    def preprocess(self, preprocess: Preprocess) -> Preprocess:
        """Texts with the prefix and in the languages of the settings."""
        if not isinstance(preprocess, LanguagePreprocess):
            return preprocess
        preprocess.speak(self.settings["source_language"], self.settings["target_language"])
        return Language(preprocess, self._encode)

    def sample(self, sample: Any) -> Any:
        """The two halves of a text."""
        words = sample.split(" ")
        half = (len(words) + 1) // 2
        return Answered(" ".join(words[:half]), " ".join(words[half:]) or sample)

    def taught(self, samples: Sequence[Any], labels: Sequence[str]) -> Sequence[Any]:
        """Texts with what is to be made of them."""
        return Taught(samples, labels)

    @torch.inference_mode()
    def _answered(
        self, backbone: Backbone, samples: Sequence[Any], tell: Tell | None
    ) -> list[Prediction]:
        """What is made of each text."""
        preprocess = self.preprocess(backbone.preprocess)
        batch = preprocess.collate([preprocess(sample) for sample in samples])
        how = Generation(
            tokens=self.settings["length"],
            beams=self.settings["beams"],
            length_penalty=self.settings["length_penalty"],
        )
        return made_texts(backbone, batch, how, tell)

    def judged(
        self, answers: Sequence[Prediction], samples: Sequence[Any], labels: Sequence[str]
    ) -> dict[str, float]:
        """BLEU and chrF of the corpus as sacrebleu has them, and ROUGE; all from 0 to 100."""
        said, wanted = [answer.label for answer in answers], list(labels)
        return {
            "bleu": BLEU().corpus_score(said, [wanted]).score,
            "chrf": CHRF().corpus_score(said, [wanted]).score,
            **rouge(said, wanted),
        }

    def _encode(self, preprocess: LanguagePreprocess, given: Any, answer: str | None) -> Any:
        return preprocess.encode(f"{self.settings['prefix']}{given}", answer)
