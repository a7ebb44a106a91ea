"""Merging: equal answers or nothing is written."""

import pytest
import torch

import zoo
from tests.adapters.matrix import composed
from zoo.artifact.contents import CHANGED
from zoo.artifact.merge import merge, merged
from zoo.errors import Incompatible, ProbeMismatch
from zoo.model import load_backbone


@pytest.fixture
def saved(tmp_path):
    def make(adapter, backbone="vision:digits", **settings):
        model = composed(adapter, load_backbone(backbone), **settings)
        with torch.no_grad():
            torch.manual_seed(0)
            for parameter in [*model.trainable().values(), *model.heads.parameters()]:
                parameter.add_(torch.randn_like(parameter) * 0.05)
        zoo.save(model, tmp_path / "artifact")
        return tmp_path / "artifact"

    return make


@pytest.mark.parametrize("adapter", ["lora", "peft:ia3", "peft:loha", "linear-probe"])
def test_the_merged_model_answers_as_before_and_verifies(adapter, saved, tmp_path):
    artifact = saved(adapter)
    manifest, difference = merge(artifact, tmp_path / "merged")
    assert difference < 1e-4
    assert manifest.adapter.name == "finetune"
    assert CHANGED in manifest.files
    zoo.verify(tmp_path / "merged")
    before, after = zoo.load(artifact), zoo.load(tmp_path / "merged")
    assert before.backbone.digest == after.backbone.digest
    assert manifest.provenance == before.provenance


def test_what_trained_the_backbones_own_weights_has_nothing_to_merge(saved, tmp_path):
    with pytest.raises(Incompatible, match="nothing to merge"):
        merge(saved("partial"), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_learned_tokens_cannot_be_merged_and_it_says_why(saved, tmp_path):
    with pytest.raises(Incompatible, match="no weights of a layer"):
        merge(saved("peft:prompt_tuning", "nlp:minilm"), tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_merge_that_answers_differently_is_not_written(saved, tmp_path, monkeypatch):
    artifact = saved("lora")
    from zoo_lora.lora import Lora

    monkeypatch.setattr(Lora, "merge", Lora.detach)  # as a method would whose merging is wrong
    with pytest.raises(ProbeMismatch, match="Merged, lora answers differently"):
        merge(artifact, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_it_does_not_replace_what_it_is_made_from(saved):
    artifact = saved("lora")
    with pytest.raises(Incompatible, match="another artifact"):
        merge(artifact, artifact)


def test_a_merged_model_to_publish_is_there_for_as_long_as_it_takes(saved):
    with merged(saved("lora")) as (folder, weights):
        zoo.verify(folder, weights=weights)
    assert not folder.exists()
