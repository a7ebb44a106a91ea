"""A transformers model with its own language head as a backbone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from zoo.plugin import (
    IGNORED,
    TARGETS,
    Backbone,
    BackboneSpec,
    Batch,
    Features,
    Generation,
    InputContract,
    NativeModel,
    Origin,
    StockCode,
    Tell,
)
from zoo_nlp.blocks import blocks_of, lora_targets
from zoo_nlp.checkpoint import Checkpoint
from zoo_nlp.files import COMPANIONS, companions_in, license_of
from zoo_nlp.generating import Streamer, prompts, sources
from zoo_nlp.language_tokens import CausalTokens, LanguageTokens
from zoo_nlp.native import native_config
from zoo_nlp.pair_tokens import PairTokens
from zoo_nlp.sizes import positions_of, vocabulary_of
from zoo_nlp.stock import stock_language

_TOKENS = {"masked": LanguageTokens, "causal": CausalTokens, "seq2seq": PairTokens}


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
        tokens = _TOKENS[language](
            spec.name,
            folder,
            model.config,
            vocabulary=vocabulary_of(spec.name, model),
            positions=positions_of(model),
            type_ids="token_type_ids" in self._takes,
        )
        batch = tokens.collate([tokens.encode("a", "a")])
        super().__init__(
            spec,
            model,
            preprocess=tokens,
            contract=InputContract(modality="text", max_length=tokens.max_length),
            blocks=blocks_of(model, lambda: model(**self._arguments(model, batch))),
            feature_size=0,
            origin=origin,
            license=spec.license or license_of(folder),
            lora_targets=lora_targets(model),
        )
        self.language = language
        self._positions = positions_of(model)
        self._folder = folder

    def forward(self, batch: Batch) -> Features:
        """``logits [batch, tokens, vocabulary]``, and pooled vectors of no size."""
        logits = self.module(**self._arguments(self.module, batch)).logits
        return Features(logits.new_empty(len(logits), 0), None, batch["attention_mask"], logits)

    def generate(self, batch: Batch, how: Generation, tell: Tell | None = None) -> list[Tensor]:
        """The likeliest texts by greedy or beam search, as tokens.

        With ``tell`` rows are made one by one, and their pieces told where there is one beam.
        """
        if tell is not None and len(batch["input_ids"]) > 1:
            rows = ({n: t[[i]] for n, t in batch.items()} for i in range(len(batch["input_ids"])))
            told = [lambda _, text, i=i: tell(i, text) for i in range(len(batch["input_ids"]))]
            return [self.generate(r, how, t)[0] for r, t in zip(rows, told, strict=True)]
        both = self.language == "seq2seq"
        given, tokens = (sources if both else prompts)(batch, how.tokens, self._positions)
        streamer = None
        if tell is not None and how.beams == 1:
            streamer = Streamer(self.preprocess, lambda text: tell(0, text))
        model: Any = self.module
        made: Tensor = model.generate(
            **given,
            max_new_tokens=tokens,
            num_beams=how.beams,
            length_penalty=how.length_penalty,
            do_sample=False,
            use_cache=True,
            pad_token_id=self.preprocess.pad_id,
            eos_token_id=self.preprocess.eos_id,
            streamer=streamer,
            **self.preprocess.beginning(),
        )
        begun = 1 if both else given["input_ids"].shape[1]
        return list(made[:, begun:].cpu())

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
            native_config(self.module, (), pad_id=None) | {"use_cache": True},
            stock_language(self.spec, self.origin, self.preprocess, self.language, repo="{repo}"),
            library="transformers",
        )

    def _arguments(self, model: Any, batch: Batch) -> dict[str, object]:
        given: dict[str, object] = {key: batch[key] for key in batch if key in self._takes}
        if "decoder_input_ids" in self._takes:
            given["decoder_input_ids"] = _shifted(model, batch[TARGETS])
        return given


def _shifted(model: Any, targets: Tensor) -> Tensor:
    """What a decoder is given to name ``targets``: the token before each."""
    if hasattr(model, "prepare_decoder_input_ids_from_labels"):
        found: Tensor = model.prepare_decoder_input_ids_from_labels(labels=targets)
        return found
    config = model.config
    start = torch.full_like(targets[:, :1], config.decoder_start_token_id)
    shifted = torch.cat([start, targets[:, :-1]], dim=1)
    return shifted.masked_fill(shifted == IGNORED, config.pad_token_id)
