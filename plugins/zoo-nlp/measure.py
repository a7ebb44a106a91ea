"""The facts of the listed backbones: ``python measure.py`` measures and writes them.

Each model is built on the meta device, which computes shapes and allocates nothing. transformers
carries no checkpoint's configuration, so each entry below says in what its published ``config.json``
differs from the defaults of its class; the rest follows. A licence is stated by a repo's own card and
read there when the weights are loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import torch

from zoo.torchvision_clash import mend_torchvision

mend_torchvision()

import transformers  # noqa: E402
from zoo_nlp.hooks import CATALOGUE  # noqa: E402

LONGEST = 512  # tokens that zoo-nlp gives a model at most


@dataclass(frozen=True)
class Listed:
    """What is known of a checkpoint besides the sizes that its class computes.

    Attributes:
        name: after ``nlp:``.
        repo: where it is published.
        model: transformers' class without a head.
        summary: one line.
        tags: language first, then what it is.
        config: in what it differs from the defaults of the class.
        lower: whether its tokenizer lower-cases; ``None`` where that is no property of it.
        pooling: the one it was trained for; ``None`` where it was trained for none.
        prefix: what its authors ask every text to begin with.
        longest: the longest text in tokens, where its authors say less than fits.
        head: the kind of language head it is published with, for those listed for it.
        counted: its sizes are known; of a vocabulary that nobody could look up they are not.
    """

    name: str
    repo: str
    model: str
    summary: str
    tags: tuple[str, ...]
    config: dict[str, Any] = field(default_factory=dict)
    lower: bool | None = None
    pooling: str | None = None
    prefix: str = ""
    longest: int = LONGEST
    head: str = ""
    counted: bool = True


ROBERTA = {"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
XLMR = ROBERTA | {"vocab_size": 250002}
DEBERTA = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
}
LARGE = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
}
SMALL = {"hidden_size": 384, "num_attention_heads": 12, "intermediate_size": 1536}
MULTI_E5 = SMALL | {"vocab_size": 250037}
T5_BASE = {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}
GPT2_MEDIUM = {"n_embd": 1024, "n_layer": 24, "n_head": 16}
ELECTRA_BASE = {
    "embedding_size": 768,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
}
MODERN_LARGE = LARGE | {"num_hidden_layers": 28, "intermediate_size": 2624}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
FLAN_SMALL = GATED | {"d_ff": 1024, "num_layers": 8, "num_heads": 6}
FLAN_BASE = GATED | {"d_model": 768, "d_ff": 2048, "num_layers": 12, "num_heads": 12}


def sides(*, layers: int, heads: int, width: int) -> dict[str, int]:
    """Sizes of an encoder and a decoder that are alike."""
    each = {"layers": layers, "attention_heads": heads, "ffn_dim": width}
    return {
        f"{side}_{what}": size for side in ("encoder", "decoder") for what, size in each.items()
    }


BART_BASE = {
    "d_model": 768,
    **sides(layers=6, heads=12, width=3072),
}
NLLB = {
    "vocab_size": 256206,
    "d_model": 1024,
    **sides(layers=12, heads=16, width=4096),
}
MARIAN = {
    "d_model": 512,
    **sides(layers=6, heads=8, width=2048),
}
SMOLLM2 = {
    "vocab_size": 49152,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "tie_word_embeddings": True,
}
QWEN25 = {
    "vocab_size": 151936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
EN, DE, MULTI, SENTENCE = "english", "german", "multilingual", "sentence"

LISTED = (
    Listed(
        "bert-base-uncased",
        "google-bert/bert-base-uncased",
        "BertModel",
        "BERT, base; English",
        (EN, "bert"),
        lower=True,
    ),
    Listed(
        "bert-large-uncased",
        "google-bert/bert-large-uncased",
        "BertModel",
        "BERT, large; English",
        (EN, "bert"),
        LARGE,
        lower=True,
    ),
    Listed(
        "bert-base-german-cased",
        "google-bert/bert-base-german-cased",
        "BertModel",
        "BERT, base; German",
        (DE, "bert"),
        {"vocab_size": 30000},
        lower=False,
    ),
    Listed(
        "bert-base-multilingual-cased",
        "google-bert/bert-base-multilingual-cased",
        "BertModel",
        "BERT, base; 104 languages",
        (MULTI, "bert"),
        {"vocab_size": 119547},
        lower=False,
    ),
    Listed(
        "distilbert-base-uncased",
        "distilbert/distilbert-base-uncased",
        "DistilBertModel",
        "DistilBERT, six of BERT's twelve layers; English",
        (EN, "distilbert"),
        lower=True,
    ),
    Listed(
        "roberta-base",
        "FacebookAI/roberta-base",
        "RobertaModel",
        "RoBERTa, base; English",
        (EN, "roberta"),
        ROBERTA,
        lower=False,
    ),
    Listed(
        "roberta-large",
        "FacebookAI/roberta-large",
        "RobertaModel",
        "RoBERTa, large; English",
        (EN, "roberta"),
        ROBERTA | LARGE,
        lower=False,
    ),
    Listed(
        "xlm-roberta-base",
        "FacebookAI/xlm-roberta-base",
        "XLMRobertaModel",
        "XLM-RoBERTa, base; 100 languages",
        (MULTI, "xlm-roberta"),
        XLMR,
        lower=False,
    ),
    Listed(
        "xlm-roberta-large",
        "FacebookAI/xlm-roberta-large",
        "XLMRobertaModel",
        "XLM-RoBERTa, large; 100 languages",
        (MULTI, "xlm-roberta"),
        XLMR | LARGE,
        lower=False,
    ),
    Listed(
        "deberta-v3-small",
        "microsoft/deberta-v3-small",
        "DebertaV2Model",
        "DeBERTa v3, small; English",
        (EN, "deberta"),
        DEBERTA | {"num_hidden_layers": 6},
        lower=False,
    ),
    Listed(
        "deberta-v3-base",
        "microsoft/deberta-v3-base",
        "DebertaV2Model",
        "DeBERTa v3, base; English",
        (EN, "deberta"),
        DEBERTA | {"num_hidden_layers": 12},
        lower=False,
    ),
    Listed(
        "electra-small",
        "google/electra-small-discriminator",
        "ElectraModel",
        "ELECTRA's discriminator, small; English",
        (EN, "electra"),
        lower=True,
    ),
    Listed(
        "electra-base",
        "google/electra-base-discriminator",
        "ElectraModel",
        "ELECTRA's discriminator, base; English",
        (EN, "electra"),
        ELECTRA_BASE,
        lower=True,
    ),
    Listed(
        "modernbert-base",
        "answerdotai/ModernBERT-base",
        "ModernBertModel",
        "ModernBERT, base; English",
        (EN, "modernbert"),
        lower=False,
    ),
    Listed(
        "modernbert-large",
        "answerdotai/ModernBERT-large",
        "ModernBertModel",
        "ModernBERT, large; English",
        (EN, "modernbert"),
        MODERN_LARGE,
        lower=False,
    ),
    Listed(
        "minilm-l12",
        "sentence-transformers/all-MiniLM-L12-v2",
        "BertModel",
        "all-MiniLM-L12-v2: English sentences and short paragraphs",
        (EN, SENTENCE, "minilm"),
        SMALL,
        lower=True,
        pooling="mean",
        longest=128,
    ),
    Listed(
        "mpnet-base",
        "microsoft/mpnet-base",
        "MPNetModel",
        "MPNet, base; English",
        (EN, "mpnet"),
        {"max_position_embeddings": 514},
        lower=True,
    ),
    Listed(
        "all-mpnet-base",
        "sentence-transformers/all-mpnet-base-v2",
        "MPNetModel",
        "all-mpnet-base-v2: English sentences and paragraphs",
        (EN, SENTENCE, "mpnet"),
        {"max_position_embeddings": 514},
        lower=True,
        pooling="mean",
        longest=384,
    ),
    Listed(
        "e5-small",
        "intfloat/e5-small-v2",
        "BertModel",
        "E5 v2, small; English texts to vectors",
        (EN, SENTENCE, "e5"),
        SMALL,
        lower=True,
        pooling="mean",
        prefix="query: ",
    ),
    Listed(
        "e5-large",
        "intfloat/e5-large-v2",
        "BertModel",
        "E5 v2, large; English texts to vectors",
        (EN, SENTENCE, "e5"),
        LARGE,
        lower=True,
        pooling="mean",
        prefix="query: ",
    ),
    Listed(
        "multilingual-e5-small",
        "intfloat/multilingual-e5-small",
        "BertModel",
        "multilingual E5, small; texts of 100 languages to vectors",
        (MULTI, SENTENCE, "e5"),
        MULTI_E5,
        lower=False,
        pooling="mean",
        prefix="query: ",
    ),
    Listed(
        "bge-small-en",
        "BAAI/bge-small-en-v1.5",
        "BertModel",
        "BGE v1.5, small; English texts to vectors",
        (EN, SENTENCE, "bge"),
        SMALL,
        lower=True,
        pooling="cls",
    ),
    Listed(
        "bge-large-en",
        "BAAI/bge-large-en-v1.5",
        "BertModel",
        "BGE v1.5, large; English texts to vectors",
        (EN, SENTENCE, "bge"),
        LARGE,
        lower=True,
        pooling="cls",
    ),
    Listed(
        "gpt2",
        "openai-community/gpt2",
        "GPT2Model",
        "GPT-2, the smallest; reads English from left to right",
        (EN, "gpt2", "decoder"),
        lower=False,
    ),
    Listed(
        "gpt2-medium",
        "openai-community/gpt2-medium",
        "GPT2Model",
        "GPT-2, medium; reads English from left to right",
        (EN, "gpt2", "decoder"),
        GPT2_MEDIUM,
        lower=False,
    ),
    Listed(
        "t5-small",
        "google-t5/t5-small",
        "T5EncoderModel",
        "T5's encoder, small; English",
        (EN, "t5"),
        lower=False,
    ),
    Listed(
        "t5-base",
        "google-t5/t5-base",
        "T5EncoderModel",
        "T5's encoder, base; English",
        (EN, "t5"),
        T5_BASE,
        lower=False,
    ),
    Listed(
        "flan-t5-small",
        "google/flan-t5-small",
        "T5EncoderModel",
        "Flan-T5, small: T5 that follows instructions; English",
        (EN, "t5", "seq2seq"),
        FLAN_SMALL,
        lower=False,
        head="seq2seq",
    ),
    Listed(
        "flan-t5-base",
        "google/flan-t5-base",
        "T5EncoderModel",
        "Flan-T5, base: T5 that follows instructions; English",
        (EN, "t5", "seq2seq"),
        FLAN_BASE,
        lower=False,
        head="seq2seq",
    ),
    Listed(
        "mt5-small",
        "google/mt5-small",
        "MT5EncoderModel",
        "mT5, small; 101 languages",
        (MULTI, "mt5", "seq2seq"),
        lower=False,
        head="seq2seq",
    ),
    Listed(
        "bart-base",
        "facebook/bart-base",
        "BartModel",
        "BART, base; English texts to texts",
        (EN, "bart", "seq2seq"),
        BART_BASE,
        lower=False,
        head="seq2seq",
    ),
    Listed(
        "mbart-large-50",
        "facebook/mbart-large-50-many-to-many-mmt",
        "MBartModel",
        "mBART-50, large: translates between 50 languages",
        (MULTI, "mbart", "seq2seq"),
        {"vocab_size": 250054},
        lower=False,
        head="seq2seq",
    ),
    Listed(
        "nllb-200-600m",
        "facebook/nllb-200-distilled-600M",
        "M2M100Model",
        "NLLB-200, 600M: translates between 200 languages",
        (MULTI, "nllb", "seq2seq"),
        NLLB,
        lower=False,
        head="seq2seq",
    ),
    Listed(
        "opus-mt-en-hi",
        "Helsinki-NLP/opus-mt-en-hi",
        "MarianModel",
        "Marian: translates English to Hindi",
        (EN, "hindi", "marian", "seq2seq"),
        MARIAN,
        lower=False,
        head="seq2seq",
        counted=False,
    ),
    Listed(
        "opus-mt-hi-en",
        "Helsinki-NLP/opus-mt-hi-en",
        "MarianModel",
        "Marian: translates Hindi to English",
        (EN, "hindi", "marian", "seq2seq"),
        MARIAN,
        lower=False,
        head="seq2seq",
        counted=False,
    ),
    Listed(
        "smollm2-135m",
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "LlamaModel",
        "SmolLM2, 135M, for chat; English",
        (EN, "llama", "decoder", "chat"),
        SMOLLM2,
        lower=False,
        head="causal",
    ),
    Listed(
        "qwen2.5-0.5b",
        "Qwen/Qwen2.5-0.5B-Instruct",
        "Qwen2Model",
        "Qwen2.5, 0.5B, for chat; many languages",
        (MULTI, "qwen2", "decoder", "chat"),
        QWEN25,
        lower=False,
        head="causal",
    ),
)


def model_of(listed: Listed) -> Any:
    """The model with random weights, on the device in force."""
    model_class = getattr(transformers, listed.model)
    return model_class(model_class.config_class(**listed.config)).eval()


def measure(listed: Listed) -> dict[str, Any]:
    """Everything the catalogue says of one checkpoint."""
    with torch.device("meta"):
        model = model_of(listed)
    facts: dict[str, Any] = {}
    options: dict[str, Any] = {}
    if listed.head:
        facts["language-head"] = listed.head
    if listed.lower is not None:
        facts["lower-cases"] = listed.lower
    if listed.pooling:
        facts["pooling"] = options["pooling"] = listed.pooling
    if listed.prefix:
        facts["prefix"] = options["prefix"] = listed.prefix
    return {
        "name": f"nlp:{listed.name}",
        "source": listed.repo,
        "summary": listed.summary,
        "params": sum(p.numel() for p in model.parameters()) if listed.counted else None,
        "feature_size": model.config.hidden_size,
        "input_size": [listed.longest],
        "tags": list(listed.tags),
        "verified": "architecture",
        "facts": facts,
        "options": options,
    }


def main() -> None:
    """Write ``catalogue.json`` into the package, an entry a line."""
    entries = [json.dumps(measure(listed)) for listed in LISTED]
    CATALOGUE.write_text("[\n" + ",\n".join(entries) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
