"""Tiny transformers models with language heads, and texts that they can learn in seconds."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import zoo
from zoo.artifact.load import load
from zoo.torchvision_clash import mend_torchvision

mend_torchvision()

import transformers as tf  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: E402

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
WORDS = (
    *("the", "a", "cat", "dog", "bird", "sat", "ran", "flew", "on", "under", "over", "mat"),
    *("tree", "house", "le", "un", "chat", "chien", "oiseau", "sur", "sous", "user", "bot", ":"),
)
VOCAB = {word: i for i, word in enumerate((*SPECIAL, *WORDS))}
_SIZES = {"vocab_size": len(VOCAB), "hidden_size": 32, "num_hidden_layers": 2}
_SIZES |= {"num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 48}
_TOKENS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
MASKED = {
    "bert": (tf.BertForMaskedLM, {}),
    "roberta": (tf.RobertaForMaskedLM, {}),
    "distilbert": (
        tf.DistilBertForMaskedLM,
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48},
    ),
    "modernbert": (tf.ModernBertForMaskedLM, {"cls_token_id": 1, "sep_token_id": 2}),
}


CAUSAL = {
    "llama": (tf.LlamaForCausalLM, {"num_key_value_heads": 1}),
    "gpt2": (tf.GPT2LMHeadModel, {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 48}),
    "qwen2": (tf.Qwen2ForCausalLM, {"num_key_value_heads": 1, "tie_word_embeddings": True}),
    "opt": (tf.OPTForCausalLM, {"ffn_dim": 48, "word_embed_proj_dim": 32}),
}
_SIDES = {"layers": 2, "attention_heads": 2, "ffn_dim": 48}
_BOTH = {f"{side}_{what}": n for side in ("encoder", "decoder") for what, n in _SIDES.items()}
_BOTH |= {"d_model": 32, "decoder_start_token_id": 0, "num_heads": 2, "scale_embedding": True}
_T5 = {"d_kv": 16, "d_ff": 48, "num_layers": 2}
SEQ2SEQ = {
    "bart": (tf.BartForConditionalGeneration, _BOTH),
    "t5": (tf.T5ForConditionalGeneration, _BOTH | _T5),
    "marian": (tf.MarianMTModel, _BOTH),
    "m2m_100": (tf.M2M100ForConditionalGeneration, _BOTH),
    "mbart": (tf.MBartForConditionalGeneration, _BOTH),
}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ {'user': 'user', 'assistant': 'bot'}[message['role']] }} : "
    "{{ message['content'] }}{{ eos_token if message['role'] == 'assistant' else ' ' }}"
    "{% endfor %}{% if add_generation_prompt %}bot : {% endif %}"
)


def save_tokenizer(folder: Path, *, marks: str) -> None:
    """Whole words, between the marks that ``marks`` says, ``$A`` being the text."""
    raw = Tokenizer(models.WordLevel(VOCAB, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Whitespace()
    ids = [(mark, VOCAB[mark]) for mark in ("<s>", "</s>")]
    raw.post_processor = processors.TemplateProcessing(single=marks, special_tokens=ids)
    names = {"pad": "<pad>", "bos": "<s>", "eos": "</s>", "unk": "<unk>", "mask": "<mask>"}
    tf.PreTrainedTokenizerFast(
        tokenizer_object=raw,
        model_max_length=40,
        **{f"{name}_token": token for name, token in names.items()},
    ).save_pretrained(folder)


def save(folder: Path, model_class: type, options: dict, *, marks: str, seed: int = 0) -> Path:
    """A model with random weights."""
    torch.manual_seed(seed)
    config = model_class.config_class(**{**_SIZES, **_TOKENS, **options})
    model_class(config).save_pretrained(folder)
    save_tokenizer(folder, marks=marks)
    return folder


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny encoder of a type with its language head."""

    @functools.cache
    def make(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("masked") / f"tiny-{kind}"
        return save(folder, *MASKED[kind], marks="<s> $A </s>")

    return make


@pytest.fixture(scope="session")
def causal(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The folder of a tiny decoder of a type; with ``chat`` it has a template."""

    @functools.cache
    def make(kind: str, *, chat: bool = False) -> Path:
        folder = save(
            tmp_path_factory.mktemp("causal") / f"tiny-{kind}", *CAUSAL[kind], marks="<s> $A"
        )
        if chat:
            (folder / "chat_template.jinja").write_text(TEMPLATE)
        return folder

    return make


@pytest.fixture(scope="session")
def paired(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny encoder-decoder of a type."""

    @functools.cache
    def make(kind: str) -> Path:
        folder = tmp_path_factory.mktemp("paired") / f"tiny-{kind}"
        return save(folder, *SEQ2SEQ[kind], marks="$A </s>")

    return make


def sentences() -> list[str]:
    """Texts in which one word tells another: what an animal does, and where."""
    does = {"cat": "sat", "dog": "ran", "bird": "flew"}
    where = {"sat": "on", "ran": "under", "flew": "over"}
    return [
        f"{article} {animal} {does[animal]} {where[does[animal]]} the {place}"
        for article in ("the", "a")
        for animal in does
        for place in ("mat", "tree", "house")
    ] * 4


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a text a line."""
    path = tmp_path_factory.mktemp("data") / "texts.txt"
    path.write_text("\n".join(sentences()))
    return path


def fitted(folder: Path, data: Path, out: Path, task: str, adapter: str, **options: object):
    """A run of a few epochs."""
    settings = options.pop("task_settings", {})
    made = zoo.task(task, labels=(), **settings)
    composed = zoo.compose(f"hf:{folder}", adapter, made)
    how = {"epochs": 3, "lr": 5e-3, "batch_size": 8, "seed": 0} | options
    return zoo.fit(composed, data, out, **how)


def reopened(run: object) -> zoo.ComposedModel:
    """The model of a run, from disk."""
    return load(run.folder)


os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
