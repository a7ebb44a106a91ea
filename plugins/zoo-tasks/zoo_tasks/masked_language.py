"""Masked language modelling: naming hidden words, for a field's own texts without labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.plugin import (
    Backbone,
    Incompatible,
    LanguagePreprocess,
    Prediction,
    Preprocess,
    Tell,
)
from zoo_tasks.language import LanguageTask, on_device
from zoo_tasks.masking import IDS, Masking

_CANDIDATES = 5


class MaskedLanguage(LanguageTask):
    """The tokens that were hidden, by the backbone's own masked language head."""

    def require(self, backbone: Backbone) -> None:
        """A token that hides others is needed.

        Raises:
            Incompatible: the tokenizer has none.
        """
        if getattr(backbone.preprocess, "mask_id", None) is None:
            raise Incompatible(
                f"The tokenizer of {backbone.spec.name} has no token that hides others.",
                hint="Use an encoder that was pretrained with one, such as BERT.",
            )

    def preprocess(self, preprocess: Preprocess) -> Preprocess:
        """Hides tokens of each batch."""
        return (
            Masking(preprocess, self) if isinstance(preprocess, LanguagePreprocess) else preprocess
        )

    @torch.inference_mode()
    def _answered(
        self, backbone: Backbone, samples: Sequence[str], tell: Tell | None
    ) -> list[Prediction]:
        """A text with its masks filled; of a text without any, how likely it is."""
        preprocess = backbone.preprocess
        assert isinstance(preprocess, LanguagePreprocess)
        given = [preprocess.prompt(text) for text in samples]
        filled = [len(_masks(preprocess, each[IDS])) > 0 for each in given]
        likely = self._scored(
            backbone, [t for t, has in zip(samples, filled, strict=True) if not has]
        )
        logits = self._logits(backbone, [g for g, has in zip(given, filled, strict=True) if has])
        return [
            _filled(preprocess, each[IDS], logits.pop(0)) if has else likely.pop(0)
            for each, has in zip(given, filled, strict=True)
        ]

    def _scored(self, backbone: Backbone, texts: Sequence[str]) -> list[Prediction]:
        if not texts:
            return []
        whole = self.in_parts(texts, [""] * len(texts), backbone.preprocess)
        rows: list[Tensor] = []
        for at in range(0, len(whole.samples), len(texts)):
            rows += self._scores(backbone, whole.samples[at : at + len(texts)])
        return [self._likelihood(torch.cat(own)) for own in whole.grouped(rows)]

    def _scores(self, backbone: Backbone, texts: Sequence[str]) -> Sequence[Tensor]:
        """Scores ``[tokens, 4]`` of each text."""
        preprocess = self.preprocess(backbone.preprocess)
        batch = on_device(preprocess.collate([preprocess(text) for text in texts]), backbone)
        return list(self.select(backbone(batch), batch).cpu())

    def _logits(self, backbone: Backbone, given: Sequence[dict[str, Tensor]]) -> list[Tensor]:
        if not given:
            return []
        logits = backbone(on_device(backbone.preprocess.collate(given), backbone)).logits
        assert logits is not None  # it was loaded with its language head
        return list(logits.float().cpu())


def _filled(preprocess: LanguagePreprocess, ids: Tensor, logits: Tensor) -> Prediction:
    """The likeliest token in each place; where there is one place, also the next likely."""
    places = _masks(preprocess, ids)
    likely = logits[places].softmax(-1)
    special = [at for at in preprocess.special_ids if at < likely.shape[-1]]
    likely[:, special] = 0  # they stand for no word
    best = likely.topk(min(_CANDIDATES, logits.shape[-1]))
    masks = [
        [
            {"token": preprocess.text(token[None]), "score": float(score)}
            for token, score in zip(tokens, scores, strict=True)
        ]
        for tokens, scores in zip(best.indices, best.values, strict=True)
    ]
    texts = [preprocess.text(ids.index_copy(0, places, row)) for row in best.indices.T]
    scores: dict[str, float] = {}
    if len(places) == 1:
        for text, score in zip(texts, best.values[0].tolist(), strict=True):
            scores.setdefault(text, score)
    return Prediction(texts[0], float(best.values[:, 0].min()), scores, {"masks": masks})


def _masks(preprocess: LanguagePreprocess, ids: Tensor) -> Tensor:
    """Where tokens are hidden, ``[masks]``."""
    return ids.eq(preprocess.mask_id or 0).nonzero().squeeze(1)
