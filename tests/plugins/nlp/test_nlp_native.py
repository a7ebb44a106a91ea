"""transformers' own classifiers: where zoo says that they fit they do, and elsewhere they do not.

And the lines that open a backbone without zoo give what the backbone gives.
"""

from __future__ import annotations

import itertools
import json

import pytest
import torch
import transformers as tf
from torch import Tensor, nn
from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING, AutoConfig

import zoo
from tests.data.making import csv
from zoo.model import Backbone, extract

from .conftest import KINDS, TEXTS, WORDS, save_tokenizer

POOLER = ("albert", "bert", "ernie", "megatron-bert", "mobilebert", "rembert")
LAST = (
    *("bloom", "falcon", "gemma", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj"),
    *("llama", "mistral", "opt", "qwen2"),
)
NONE = tuple(kind for kind in KINDS if kind not in (*POOLER, *LAST))
LABELS = 3


def native_model(folder, pad_id: int) -> nn.Module:
    config = AutoConfig.from_pretrained(folder, num_labels=LABELS, pad_token_id=pad_id)
    return MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)](config).eval()


def head_for(backbone: Backbone) -> dict[str, Tensor]:
    """A classifier's tensors by native names."""
    native = backbone.native_head
    torch.manual_seed(1)
    head = {f"{native.name}.weight": torch.randn(LABELS, backbone.feature_size)}
    return head | ({f"{native.name}.bias": torch.randn(LABELS)} if native.bias else {})


def zoo_logits(backbone: Backbone, head: dict[str, Tensor], texts: list[str]) -> Tensor:
    name = backbone.native_head.name
    features = extract(backbone, texts)
    return nn.functional.linear(features, head[f"{name}.weight"], head.get(f"{name}.bias"))


@pytest.mark.parametrize("kind", [*POOLER, *LAST])
def test_the_native_classifier_gives_the_same_logits(tiny, encoder, kind):
    backbone = encoder(kind)
    backbone.pool_by(backbone.native_pooling)
    native, head = backbone.native_head, head_for(backbone)
    model = native_model(tiny(kind), backbone.preprocess.pad_id)
    own = {native.prefix + name: t for name, t in backbone.module.state_dict().items()}
    model.load_state_dict(own | head)  # strict: there is nothing else to be trained
    batch = backbone.preprocess.collate([backbone.preprocess(text) for text in TEXTS])
    with torch.no_grad():
        theirs = model(**batch).logits
    ours = zoo_logits(backbone, head, TEXTS)
    assert ours.std(0).min() > 1e-3
    # Decoders: transformers applies the layer before it picks the token, zoo after.
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("kind", NONE)
def test_where_there_is_no_native_place_the_native_head_has_further_layers(tiny, encoder, kind):
    backbone = encoder(kind)
    for pooling in backbone.poolings:
        backbone.pool_by(pooling)
        assert backbone.native_head is None
    assert backbone.native_pooling is None
    model = native_model(tiny(kind), 0)
    prefix = f"{model.base_model_prefix}."
    weights = [n for n, p in model.named_parameters() if not n.startswith(prefix) and p.ndim == 2]
    assert len(weights) > 1


def test_a_pooling_without_a_native_head_has_none(encoder):
    backbone = encoder("bert")
    assert backbone.pooling == "mean"
    assert backbone.native_head is None
    assert backbone.native_pooling == "pooler"


def test_a_model_made_for_another_pooling_keeps_it(copied):
    folder = copied("bert")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    backbone = zoo.load_backbone(f"hf:{folder}")
    assert backbone.native_pooling is None


def test_no_native_head_where_transformers_takes_the_last_token_for_padding(copied):
    folder = copied("llama")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    bert = json.loads((copied("bert") / "tokenizer.json").read_text())
    tokenizer["post_processor"] = bert["post_processor"]  # ends with [SEP], which also pads
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    backbone = zoo.load_backbone(f"hf:{folder}")
    assert backbone.pooling == "last"
    assert backbone.native_head is None


def run(code: list[str], text: str, **names: object) -> dict:
    """Execute lines as a card prints them."""
    scope = {"example": text, **names}
    with torch.no_grad():
        exec("\n".join(code), scope)
    return scope


@pytest.mark.parametrize("kind", KINDS)
def test_stock_lines_give_the_same_features(tiny, encoder, kind, monkeypatch):
    monkeypatch.chdir(tiny(kind).parent)
    backbone = encoder(kind)
    for pooling in backbone.poolings:
        backbone.pool_by(pooling)
        stock = backbone.stock_code()
        code = [*stock.imports, stock.features, stock.inputs, stock.pooled]
        scope = run(code, TEXTS[0])
        ours = extract(backbone, TEXTS[:1])
        torch.testing.assert_close(ours, scope["pooled"], atol=1e-6, rtol=1e-5)
        assert ours.std() > 1e-3


@pytest.mark.parametrize("kind", [*POOLER, *LAST])
def test_stock_lines_give_the_same_logits(tiny, encoder, kind, monkeypatch):
    monkeypatch.chdir(tiny(kind).parent)
    backbone = encoder(kind)
    backbone.pool_by(backbone.native_pooling)
    stock, head = backbone.stock_code(), head_for(backbone)
    code = [*stock.imports, stock.whole.replace("{n}", str(LABELS))]
    code += ["model.load_state_dict(head, strict=False)", stock.inputs, stock.logits]
    for text in TEXTS:
        if text or kind in POOLER:  # transformers has no token for an empty text
            theirs = run(code, text, head=head)["logits"]
            ours = zoo_logits(backbone, head, [text])
            torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_stock_lines_replace_the_head_of_a_checkpoint_that_has_one(tmp_path, monkeypatch):
    config = tf.BertConfig(**KINDS["bert"][1], num_labels=7)
    tf.BertForSequenceClassification(config).save_pretrained(tmp_path / "seven")
    save_tokenizer(tmp_path / "seven", decoder=False)
    monkeypatch.chdir(tmp_path)
    backbone = zoo.load_backbone("hf:./seven")
    backbone.pool_by("pooler")
    stock, head = backbone.stock_code(), head_for(backbone)
    code = [*stock.imports, stock.whole.replace("{n}", str(LABELS))]
    code += ["model.load_state_dict(head, strict=False)", stock.inputs, stock.logits]
    theirs = run(code, TEXTS[0], head=head)["logits"]
    ours = zoo_logits(backbone, head, TEXTS[:1])
    torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-5)


def test_a_kept_probe_is_the_one_that_the_fit_is_held_against(encoder, tmp_path):
    words = itertools.product(WORDS[:7], WORDS[7:])
    rows = [(f"the {first} {second}", ("x", "y")[len(second) % 2]) for first, second in words]
    data = zoo.load_data(csv(tmp_path / "t.csv", ("text", "label"), rows))
    backbone = encoder("gpt2")
    assert not backbone.native_head.bias
    task = zoo.task("classification", labels=data.labels)
    model = zoo.compose(backbone, zoo.adapter("finetune"), task)
    run = zoo.fit(model, data, tmp_path / "run", epochs=1, lr=1e-9)
    assert run.record.config["best_epoch"] == 0
    by_model = {r.model: r.metrics for r in run.record.results if r.split == "test"}
    assert by_model["this model"] == by_model["linear-probe"]
