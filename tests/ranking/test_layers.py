"""Features of Transformers are means over layers, where that is asked for."""

import pytest
import torch

import zoo
from zoo.errors import BadSetting
from zoo.model import extract
from zoo.progress import Silent
from zoo.ranking.features import frozen
from zoo.ranking.layers import hidden_states, over_layers
from zoo.ranking.rank import rank

TEXTS = ["a", "a cat sat on the mat", "dogs bark at the moon all night long"] * 4


@pytest.fixture(scope="module")
def minilm():
    return zoo.load_backbone("minilm")


def test_the_mean_is_over_embeddings_and_all_layers_and_over_real_tokens(minilm):
    batch = minilm.preprocess.collate([minilm.preprocess(text) for text in TEXTS[:3]])
    with torch.inference_mode():
        told = minilm.module(**batch, output_hidden_states=True).hidden_states
        states, _ = hidden_states(minilm, batch)
        found = over_layers(minilm)(batch)
    assert len(states) == len(told) == 7
    assert all(torch.equal(state, truth) for state, truth in zip(states, told, strict=True))
    tokens = torch.stack(told).mean(dim=0)
    for row, mask in enumerate(batch["attention_mask"].bool()):
        torch.testing.assert_close(found.pooled[row], tokens[row][mask].mean(dim=0))


def test_padding_changes_nothing_and_the_backbone_stays_as_it_was(minilm):
    before, layer = extract(minilm, TEXTS[:2]), minilm.module.encoder.layer[0]
    hooks = dict(layer._forward_hooks)
    mean = over_layers(minilm)
    alone = torch.cat([extract(mean, [text]) for text in TEXTS[:3]])
    torch.testing.assert_close(extract(mean, TEXTS[:3]), alone, rtol=1e-4, atol=1e-5)
    assert torch.equal(extract(minilm, TEXTS[:2]), before)
    assert layer._forward_hooks == hooks


def test_what_is_kept_of_the_mean_is_not_taken_for_the_last_layer(minilm, tmp_path, monkeypatch):
    monkeypatch.setenv("ZOO_CACHE", str(tmp_path))
    of = {"modality": "text", "convert": False, "progress": Silent()}
    last, mean = frozen(minilm, TEXTS, **of), frozen(over_layers(minilm), TEXTS, **of)
    assert not torch.allclose(last, mean, atol=0.01)
    assert torch.equal(frozen(over_layers(minilm), TEXTS, **of), mean)
    assert torch.equal(frozen(minilm, TEXTS, **of), last)


def test_what_has_no_layers_of_one_shape_is_itself():
    digits = zoo.load_backbone("vision:digits")
    assert over_layers(digits) is digits


def test_a_ranking_says_so_and_refuses_other_layers(minilm, tmp_path):
    path = tmp_path / "texts.csv"
    rows = [f"{'good' if at % 2 else 'bad'} thing {at},{at % 2}" for at in range(40)]
    path.write_text("\n".join(["text,label", *rows]))
    estimates = {
        layers: rank(path, [minilm], layers=layers, progress=Silent()).best.estimate
        for layers in ("mean", "last")
    }
    assert estimates["mean"] != estimates["last"]
    with pytest.raises(BadSetting, match="layers='first' is none of mean, last"):
        rank(path, [minilm], layers="first", progress=Silent())
