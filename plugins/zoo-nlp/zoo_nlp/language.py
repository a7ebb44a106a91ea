"""A transformers model with its own language head as a backbone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from transformers import PreTrainedModel

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Features,
    InputContract,
    NativeModel,
    Origin,
    StockCode,
)
from zoo_nlp.blocks import blocks_of, lora_targets
from zoo_nlp.checkpoint import Checkpoint
from zoo_nlp.files import COMPANIONS, companions_in, license_of
from zoo_nlp.language_tokens import LanguageTokens
from zoo_nlp.native import native_config
from zoo_nlp.sizes import positions_of, vocabulary_of
from zoo_nlp.stock import stock_language


class LanguageModel(Backbone):
    """Texts to logits of the vocabulary; it pools nothing.

    Args:
        spec: what the loader was called with.
        checkpoint: the model, its head included.
        folder: with its tokenizer.
        origin: where it came from.
        language: the kind of head.
    """

    preprocess: LanguageTokens
    module: PreTrainedModel
    companion_names = COMPANIONS

    def __init__(
        self,
        spec: BackboneSpec,
        checkpoint: Checkpoint,
        folder: Path,
        origin: Origin,
        language: str,
    ) -> None:
        model = checkpoint.model
        self._takes = frozenset(inspect.signature(model.forward).parameters)
        tokens = LanguageTokens(
            spec.name,
            folder,
            model.config,
            vocabulary=vocabulary_of(spec.name, model),
            positions=positions_of(model),
            type_ids="token_type_ids" in self._takes,
        )
        batch = tokens.collate([tokens.encode("a")])
        super().__init__(
            spec,
            model,
            preprocess=tokens,
            contract=InputContract(modality="text", max_length=tokens.max_length),
            blocks=blocks_of(model, lambda: model(**self._arguments(batch))),
            feature_size=0,
            origin=origin,
            license=spec.license or license_of(folder),
            lora_targets=lora_targets(model),
        )
        self.language = language
        self._folder = folder

    def forward(self, batch: Batch) -> Features:
        """``logits [batch, tokens, vocabulary]``, and pooled vectors of no size."""
        logits = self.module(**self._arguments(batch)).logits
        return Features(logits.new_empty(len(logits), 0), None, batch["attention_mask"], logits)

    def shorten(self, tokens: int) -> None:
        """Cut texts to so many tokens from now on."""
        self.preprocess.shorten(tokens)
        self.contract = replace(self.contract, max_length=tokens)

    def companions(self) -> Mapping[str, bytes]:
        """The tokenizer's files."""
        return companions_in(self._folder)

    def stock_code(self) -> StockCode:
        """Lines for transformers alone."""
        return stock_language(self.spec, self.origin, self.preprocess, self.language)

    def native_model(self, labels: Sequence[str]) -> NativeModel:
        """Transformers' own layout, for its Auto class of this head."""
        return NativeModel(
            native_config(self.module, (), pad_id=None),
            stock_language(self.spec, self.origin, self.preprocess, self.language, repo="{repo}"),
            library="transformers",
        )

    def _arguments(self, batch: Batch) -> dict[str, object]:
        return {key: batch[key] for key in batch if key in self._takes}
