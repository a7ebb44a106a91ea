"""Artifacts on backbones that transformers keeps in a way of their own, or that want a prefix."""

from __future__ import annotations

from pathlib import Path

import pytest
import transformers as tf

import zoo

from .conftest import WORDS
from .test_nlp_catalogue import folder_of

ROWS = [f"{'all' if i % 2 else 'bad'} {WORDS[i % 13]} {WORDS[i // 2]},{i % 2}" for i in range(24)]
TEXTS = ["the cat sat", "not so bad", "a dog"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "data.csv").write_text("text,label\n" + "\n".join(ROWS))
    return tmp_path / "data.csv"


def test_a_fine_tuned_t5_encoder_is_opened_by_zoo_and_by_transformers(tiny, table, tmp_path):
    task = zoo.task("classification", labels=["0", "1"])
    model = zoo.compose(f"hf:{tiny('t5')}", "finetune", task)
    run = zoo.fit(model, data=table, out=tmp_path / "run", epochs=1)
    opened = zoo.load(run.folder / "artifact", weights=tiny("t5"))
    assert [p.scores for p in opened.predict(TEXTS)] == [p.scores for p in run.model.predict(TEXTS)]
    encoder = tf.AutoModelForTextEncoding.from_pretrained(run.folder / "artifact")
    assert type(encoder) is tf.T5EncoderModel
    trained = run.model.backbone.module.state_dict()
    assert all((trained[name] == tensor).all() for name, tensor in encoder.state_dict().items())


def test_an_artifact_keeps_the_prefix_of_its_backbone(table, tmp_path):
    folder = folder_of(tmp_path, "nlp:e5-small", num_hidden_layers=1, vocab_size=20)
    task = zoo.task("classification", labels=["0", "1"])
    backbone = zoo.load_backbone("nlp:e5-small", weights=folder)
    run = zoo.fit(zoo.compose(backbone, "lora", task), data=table, out=tmp_path / "run", epochs=1)
    opened = zoo.load(run.folder / "artifact", weights=folder)
    assert opened.backbone.preprocess.prefix == "query: "
    assert [p.scores for p in opened.predict(TEXTS)] == [p.scores for p in run.model.predict(TEXTS)]
    card = (run.folder / "artifact" / "README.md").read_text()
    assert '"query: " + example' in card
