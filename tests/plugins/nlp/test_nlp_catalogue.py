"""Listed text backbones: facts as measured, every class built and run, prefixes and poolings kept."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest
import torch
import transformers as tf
from zoo_nlp.hooks import CATALOGUE, zoo_backbones

import zoo
from tests.plugins.architecture import require_architecture
from tests.plugins.language.conftest import SEQ2SEQ
from tests.plugins.measuring import script_of
from zoo.model import extract

from .conftest import TEXTS, save_tokenizer

SPECS = {spec.name: spec for spec in zoo_backbones()}
LISTED_CLASSES = (
    "bert",
    "deberta-v2",
    "distilbert",
    "electra",
    "gpt2",
    "llama",
    "modernbert",
    "mpnet",
    "mt5",
    "qwen2",
    "roberta",
    "t5",
    "xlm-roberta",
)


def folder_of(parent: Path, name: str, **changes: object) -> Path:
    """A checkpoint of a listed model with fewer layers, as transformers writes one."""
    (listed,) = (each for each in script_of("zoo-nlp").LISTED if f"nlp:{each.name}" == name)
    model_class = getattr(tf, listed.model)
    torch.manual_seed(0)
    model = model_class(model_class.config_class(**listed.config | changes))
    folder = parent / listed.name
    model.save_pretrained(folder)
    save_tokenizer(folder, decoder="decoder" in listed.tags)
    return folder


def expected_of(folder: Path, texts: list[str], pooling: str) -> torch.Tensor:
    """What transformers itself gives for one text at a time."""
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    model = tf.AutoModel.from_pretrained(folder).eval()
    rows = []
    for text in texts:
        inputs = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            vectors = model(**inputs).last_hidden_state[0]
        rows.append({"mean": vectors.mean(0), "cls": vectors[0], "last": vectors[-1]}[pooling])
    return torch.stack(rows)


def test_the_catalogue_is_what_the_installed_transformers_measures():
    script = script_of("zoo-nlp")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [script.measure(listed) for listed in script.LISTED]
    assert found == json.loads(CATALOGUE.read_text(encoding="utf-8"))
    assert {spec.verified for spec in SPECS.values()} == {"architecture"}


def test_every_listed_class_is_tried():
    script = script_of("zoo-nlp")
    kinds = {getattr(tf, each.model).config_class.model_type for each in script.LISTED}
    # Those that are of use with a language head alone are tried with one.
    assert kinds == {*LISTED_CLASSES, *(SEQ2SEQ.keys() - {"t5"})}


@pytest.mark.parametrize("kind", LISTED_CLASSES)
def test_a_tiny_configuration_of_a_listed_class(encoder, kind):
    backbone = encoder(kind).reload(True)
    require_architecture(backbone, [TEXTS[0], TEXTS[1]], 16)


@pytest.mark.parametrize(
    ("name", "pooling", "layers"),
    [
        ("nlp:bert-base-german-cased", "mean", {"num_hidden_layers": 2}),
        ("nlp:gpt2", "last", {"n_layer": 2}),
        ("nlp:e5-small", "mean", {"num_hidden_layers": 2}),
        ("nlp:bge-small-en", "cls", {"num_hidden_layers": 2}),
    ],
)
def test_features_of_a_listed_name_are_transformers_own(tmp_path, name, pooling, layers):
    folder = folder_of(tmp_path, name, **layers)
    backbone = zoo.load_backbone(name, weights=folder)
    assert backbone.pooling == pooling
    texts = [text for text in TEXTS if text]
    prefix = SPECS[name].options.get("prefix", "")
    assert prefix == ("query: " if name == "nlp:e5-small" else "")
    expected = expected_of(folder, [prefix + text for text in texts], pooling)
    found = extract(backbone, texts)
    assert found.shape == (len(texts), SPECS[name].feature_size)
    assert expected.std(0).max() > 1e-3
    assert (found - expected).abs().max() < 1e-5


def test_a_prefix_is_in_the_description_and_in_the_lines_without_zoo(tmp_path):
    folder = folder_of(tmp_path, "nlp:e5-small", num_hidden_layers=1, vocab_size=20)
    backbone = zoo.load_backbone("nlp:e5-small", weights=folder)
    assert backbone.preprocess.describe()["prefix"] == "query: "
    assert 'tokenizer("query: " + example, ' in backbone.stock_code().inputs


def test_an_encoder_taken_out_of_a_whole_t5_is_the_same(tmp_path):
    sizes = {
        "vocab_size": 17,
        "d_model": 16,
        "d_kv": 8,
        "d_ff": 24,
        "num_layers": 2,
        "num_heads": 2,
    }
    whole = tf.T5ForConditionalGeneration(tf.T5Config(**sizes))
    whole.save_pretrained(tmp_path / "whole")
    tf.T5EncoderModel.from_pretrained(tmp_path / "whole").save_pretrained(tmp_path / "encoder")
    for folder in ("whole", "encoder"):
        save_tokenizer(tmp_path / folder, decoder=False)
    first, second = (zoo.load_backbone(f"hf:{tmp_path / f}") for f in ("whole", "encoder"))
    assert first.digest == second.digest
    assert type(second.module) is tf.T5EncoderModel
