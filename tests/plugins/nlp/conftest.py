"""Tiny transformers models with random weights, one folder each, saved by transformers itself."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import zoo
from zoo.model import Backbone
from zoo.torchvision_clash import mend_torchvision

mend_torchvision()

import transformers as tf  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402

SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")
WORDS = ("a", "all", "bad", "cat", "dog", "mat", "not", "on", "ran", "sat", "so", "the", "under")
VOCAB = {word: i for i, word in enumerate((*SPECIAL, *WORDS))}

_BASE = {"vocab_size": len(VOCAB), "hidden_size": 16, "num_hidden_layers": 3}
_BERT = _BASE | {
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 40,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_LLAMA = _BERT | {"num_key_value_heads": 1, "head_dim": 8, "pad_token_id": None}
_GPT = {
    "vocab_size": len(VOCAB),
    "n_embd": 16,
    "n_layer": 3,
    "n_head": 2,
    "n_positions": 40,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_RELATIVE = {
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "conv_kernel_size": 3,
}
_NEO = {"num_layers": 3, "num_heads": 2, "attention_types": [[["global", "local", "global"], 1]]}
_MOBILE = {"embedding_size": 16, "intra_bottleneck_size": 16, "true_hidden_size": 16}
_T5 = {
    "vocab_size": len(VOCAB),
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 24,
    "num_layers": 3,
    "num_heads": 2,
}
_DISTIL = {"dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 24}

ENCODERS = {
    "albert": (tf.AlbertModel, _BERT | {"embedding_size": 8}),
    "bert": (tf.BertModel, _BERT),
    "deberta-v2": (tf.DebertaV2Model, _BERT | _RELATIVE),
    "distilbert": (tf.DistilBertModel, _BERT | _DISTIL),
    "electra": (tf.ElectraModel, _BERT | {"embedding_size": 8}),
    "ernie": (tf.ErnieModel, _BERT),
    "megatron-bert": (tf.MegatronBertModel, _BERT),
    "mobilebert": (tf.MobileBertModel, _BERT | _MOBILE),
    "modernbert": (tf.ModernBertModel, _BERT | {"cls_token_id": 1, "sep_token_id": 2}),
    "mpnet": (tf.MPNetModel, _BERT),
    "mt5": (tf.MT5EncoderModel, _T5),
    "rembert": (tf.RemBertModel, _BERT | {"input_embedding_size": 8}),
    "roberta": (tf.RobertaModel, _BERT),
    "t5": (tf.T5EncoderModel, _T5),
    "xlm-roberta": (tf.XLMRobertaModel, _BERT),
}
DECODERS = {
    "bloom": (tf.BloomModel, _BASE | {"n_head": 2, "bos_token_id": 1, "eos_token_id": 2}),
    "falcon": (tf.FalconModel, _BERT),
    "gemma": (tf.GemmaModel, _LLAMA),
    "gpt2": (tf.GPT2Model, _GPT),
    "gpt_bigcode": (tf.GPTBigCodeModel, _GPT),
    "gpt_neo": (tf.GPTNeoModel, _BERT | _NEO),
    "gpt_neox": (tf.GPTNeoXModel, _BERT),
    "gptj": (tf.GPTJModel, _GPT | {"rotary_dim": 4}),
    "llama": (tf.LlamaModel, _LLAMA),
    "mistral": (tf.MistralModel, _LLAMA),
    "opt": (tf.OPTModel, _BERT | {"ffn_dim": 24, "word_embed_proj_dim": 8}),
    "qwen2": (tf.Qwen2Model, _LLAMA | {"vocab_size": 20}),  # its tokenizer adds a token
}
KINDS = ENCODERS | DECODERS
TEXTS = ["the cat sat on the mat", "a dog ran", "", "not so bad under all the mat so on the mat"]


def save_tokenizer(folder: Path, *, decoder: bool) -> None:
    """Whole words; texts of encoders stand between [CLS] and [SEP], those of decoders alone."""
    raw = Tokenizer(models.WordLevel(VOCAB, unk_token="[UNK]"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    if decoder:
        names = {"bos_token": "[CLS]", "eos_token": "[SEP]"}
    else:
        marks = [(mark, VOCAB[mark]) for mark in ("[CLS]", "[SEP]")]
        raw.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=marks
        )
        names = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    tf.PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token="[UNK]", model_max_length=512, **names
    ).save_pretrained(folder)


def save_tiny(folder: Path, kind: str, **changes: object) -> Path:
    """A tiny model of ``kind``, with large weights so that what it gives varies."""
    model_class, options = KINDS[kind]
    torch.manual_seed(0)
    model = model_class(model_class.config_class(**(options | changes)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
        model.get_input_embeddings().weight[0] = 0  # padding, which MobileBERT's trigrams see
    model.save_pretrained(folder)
    save_tokenizer(folder, decoder=kind in DECODERS)
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model of a type; not to be written to."""

    @functools.cache
    def make(kind: str) -> Path:
        return save_tiny(tmp_path_factory.mktemp("tiny") / f"tiny-{kind}", kind)

    return make


@pytest.fixture(scope="session")
def encoder(tiny: Callable[[str], Path]) -> Callable[[str], Backbone]:
    """A tiny model of a type as a backbone, loaded once; pools by its default."""
    load = functools.cache(lambda kind: zoo.load_backbone(f"hf:{tiny(kind)}"))

    def get(kind: str) -> Backbone:
        backbone = load(kind)
        backbone.pool_by(backbone.poolings[0])
        return backbone

    return get


@pytest.fixture
def copied(tiny: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of such a folder, to be spoilt."""

    def copy(kind: str) -> Path:
        return Path(shutil.copytree(tiny(kind), tmp_path / f"tiny-{kind}"))

    return copy
