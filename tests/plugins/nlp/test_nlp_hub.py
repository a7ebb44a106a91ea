"""``hf:org/repo`` from a hub: what is fetched, from which commit, and what happens offline."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers as tf
from huggingface_hub import constants, hf_api, snapshot_download

import zoo
from tests.hub.proxy import ALWAYS, FaultyLine
from zoo.errors import BackboneMismatch, WeightsInvalid, WeightsNotFound
from zoo.hub.server import EmbeddedHub
from zoo.model import extract

from .conftest import TEXTS


@pytest.fixture
def hub(tmp_path: Path, tiny: Callable[[str], Path]):
    """A hub with a sentence encoder that pools by CLS, a plain one, and one in shards."""
    mirror = tmp_path / "mirror"
    for name in ("plain", "sentences"):
        shutil.copytree(tiny("bert"), mirror / "org" / name)
    (mirror / "org" / "sentences" / "1_Pooling").mkdir()
    (mirror / "org" / "sentences" / "1_Pooling" / "config.json").write_text(
        '{"pooling_mode_cls_token": true}'
    )
    (mirror / "org" / "sentences" / "sentence_bert_config.json").write_text('{"max_seq_length": 9}')
    (mirror / "org" / "plain" / "pytorch_model.bin").write_bytes(b"never fetched")
    shards = mirror / "org" / "shards"
    shutil.copytree(tiny("llama"), shards)
    (shards / "model.safetensors").unlink()
    tf.LlamaModel.from_pretrained(tiny("llama")).save_pretrained(shards, max_shard_size="5kB")
    with EmbeddedHub(mirror) as running:
        yield running


def point_at(hub: EmbeddedHub, settings: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT sets when the client is imported."""
    settings.setattr(constants, "ENDPOINT", hub.url)
    settings.setattr(hf_api.api, "endpoint", hub.url)
    _, _, path = constants.HUGGINGFACE_CO_URL_TEMPLATE.partition("{")
    settings.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", f"{hub.url}/{{{path}")


@pytest.fixture(autouse=True)
def settings(hub: EmbeddedHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The hub of this test, and an empty cache."""
    point_at(hub, monkeypatch)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return monkeypatch


def asked_of(hub: EmbeddedHub, repo: str) -> list[str]:
    return [entry.path for entry in hub.log if repo in entry.path]


def test_a_repo_is_fetched_once_and_then_found_offline(hub, settings, tiny):
    first = zoo.load_backbone("hf:org/plain")
    assert first.digest == zoo.load_backbone(f"hf:{tiny('bert')}").digest
    assert first.origin.source == "org/plain"
    assert len(first.origin.commit) == 40
    asked = asked_of(hub, "org/plain")
    assert not any("pytorch_model.bin" in path for path in asked)
    assert zoo.load_backbone("hf:org/plain").digest == first.digest
    assert asked_of(hub, "org/plain") == asked
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    again = zoo.load_backbone("hf:org/plain")
    assert (again.digest, again.origin) == (first.digest, first.origin)
    with pytest.raises(WeightsNotFound, match=r"org/sentences are not in .*HF_HUB_OFFLINE is set"):
        zoo.load_backbone("hf:org/sentences")


def test_a_cache_that_somebody_else_filled_is_completed(hub):
    """What decides pooling is fetched even where transformers has cached the rest."""
    snapshot_download("org/sentences", ignore_patterns=["1_Pooling/*", "sentence*"])
    backbone = zoo.load_backbone("hf:org/sentences")
    assert (backbone.pooling, backbone.contract.max_length) == ("cls", 9)


def test_such_a_cache_is_used_as_it_is_where_the_hub_is_gone(hub):
    snapshot_download("org/sentences", ignore_patterns=["1_Pooling/*", "sentence*"])
    hub.close()
    assert zoo.load_backbone("hf:org/sentences").pooling == "mean"


@pytest.mark.row(5)
def test_a_hub_that_is_busy_for_a_day_is_not_waited_for(hub, settings, tmp_path):
    backbone = zoo.load_backbone("hf:org/plain")
    model = zoo.compose(
        backbone, zoo.adapter("linear-probe"), zoo.task("classification", labels=["a", "b"])
    )
    zoo.save(model, tmp_path / "mirror/me/model")
    settings.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "empty"))
    slept: list[float] = []
    settings.setattr(time, "sleep", slept.append)
    with FaultyLine(hub.url) as line:
        busy = {"status": 429, "times": ALWAYS, "headers": {"Retry-After": "86400"}}
        line.on("org/plain", method="", **busy)
        point_at(line, settings)
        with pytest.raises(WeightsNotFound, match="org/plain"):
            zoo.pull("me/model", endpoint=line.url)
    assert sum(slept) < 60


def test_shards_are_those_of_the_index(hub, tiny):
    backbone = zoo.load_backbone("hf:org/shards")
    assert backbone.digest == zoo.load_backbone(f"hf:{tiny('llama')}").digest


def test_the_pinned_commit_opens_in_transformers_alone(hub):
    backbone = zoo.load_backbone("hf:org/sentences")
    code = backbone.stock_code()
    assert f'"org/sentences", revision="{backbone.origin.commit}"' in code.features
    assert f'"org/sentences", revision="{backbone.origin.commit}"' in code.inputs
    scope = {"example": TEXTS[0]}
    with torch.no_grad():
        exec("\n".join([*code.imports, code.features, code.inputs, code.pooled]), scope)
    torch.testing.assert_close(extract(backbone, TEXTS[:1]), scope["pooled"])


def test_a_repo_that_is_not_there():
    with pytest.raises(WeightsNotFound, match=r"The weights of org/absent are not in the cache"):
        zoo.load_backbone("hf:org/absent")


@pytest.mark.realdata
def test_a_real_decoder_from_a_mirror_reads_as_its_language_model(shared, settings):
    with EmbeddedHub(shared / "hub") as real:
        point_at(real, settings)
        backbone = zoo.load_backbone("hf:zoo-mirror/stories260k")
    text = "Once upon a time, there was a little girl"
    writer = tf.AutoModelForCausalLM.from_pretrained(backbone.origin.folder)
    tokenizer = tf.AutoTokenizer.from_pretrained(backbone.origin.folder)
    pooled = extract(backbone, [text, "He ran."])[0]
    with torch.no_grad():
        read = writer(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
        following = writer.lm_head(pooled).argmax().item()
    torch.testing.assert_close(pooled, read.hidden_states[-1][0, -1], atol=1e-5, rtol=0)
    assert tokenizer.decode([following]).strip() == "named"
    assert backbone.license == "mit"
    assert backbone.native_head.prefix == "model."


@pytest.mark.row(26, 27)
@pytest.mark.parametrize("spoil", ["a byte", "the header", "the configuration"])
def test_a_backbone_that_was_damaged_in_the_cache_is_fetched_anew(
    hub: EmbeddedHub, tmp_path: Path, settings: pytest.MonkeyPatch, spoil: str
) -> None:
    model = zoo.compose(
        "hf:org/plain", "linear-probe", zoo.task("classification", labels=["a", "b"])
    )
    zoo.save(model, tmp_path / "artifact")
    name = "config.json" if spoil == "the configuration" else "model.safetensors"
    (kept,) = (tmp_path / "cache").glob(f"models--org--plain/snapshots/*/{name}")
    good = kept.read_bytes()
    at = {"a byte": len(good) - 2, "the header": 12, "the configuration": good.find(b"gelu")}[spoil]
    kept.resolve().write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
    settings.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises((BackboneMismatch, WeightsInvalid)):
        zoo.load(tmp_path / "artifact")
    settings.setattr(constants, "HF_HUB_OFFLINE", False)
    assert torch.equal(
        zoo.load(tmp_path / "artifact").logits(TEXTS)["classification"],
        model.logits(TEXTS)["classification"],
    )
    assert kept.read_bytes() == good


@pytest.mark.row(46)
def test_a_backbone_that_changed_on_the_hub_is_refused(
    hub: EmbeddedHub, tmp_path: Path, settings: pytest.MonkeyPatch
) -> None:
    model = zoo.compose(
        "hf:org/plain", "linear-probe", zoo.task("classification", labels=["a", "b"])
    )
    zoo.save(model, tmp_path / "artifact")
    commit = model.backbone.origin.commit
    weights = tmp_path / "mirror/org/plain/model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])
    settings.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "another"))
    with pytest.raises(WeightsNotFound, match=f"weights of org/plain at {commit} are not in the"):
        zoo.load(tmp_path / "artifact")
