"""PEFT's methods: each offered or explained, opened by stock PEFT, refused where they make no sense."""

import re

import pytest

from tests.adapters.matrix import check_stock_peft, composed
from tests.conftest import CHECKOUT
from zoo.errors import BadSetting, Incompatible
from zoo.host import installed
from zoo.model import load_backbone


def test_every_method_of_the_installed_peft_is_offered_or_explained():
    load_backbone("vision:digits")  # the host makes PEFT importable
    from peft import PeftType

    text = (CHECKOUT / "adapters/zoo-peft/README.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(\w+)` \|", text.partition("## What is left out")[2], re.M))
    offered = {
        p.spec.name.removeprefix("peft:") for p in installed().adapters if ":" in p.spec.name
    }
    assert not offered & explained
    assert offered | explained == {kind.value.lower() for kind in PeftType}


@pytest.mark.parametrize("name", ["peft:ia3", "peft:lokr", "peft:vblora", "peft:vera"])
def test_stock_peft_opens_it_with_equal_logits(name, tmp_path):
    check_stock_peft(name, tmp_path)


@pytest.mark.parametrize("name", ["prompt_tuning", "prefix_tuning"])
def test_learned_tokens_need_a_text_model_of_transformers(name):
    with pytest.raises(
        Incompatible, match=r"(?s)before a text; vision:digits takes image.*peft:ia3"
    ):
        composed(f"peft:{name}", load_backbone("vision:digits"))


def test_a_method_for_linear_layers_refuses_convolutions_and_says_which():
    with pytest.raises(Incompatible, match=r"(?s)stage2\.conv of vision:digits is a convolution"):
        composed("peft:vera", load_backbone("vision:digits"))


def test_what_peft_refuses_is_told_in_its_words():
    backbone = load_backbone("timm:test_vit", pretrained=False)
    with pytest.raises(Incompatible, match=r"PEFT refuses peft:c3a on .*block size"):
        composed("peft:c3a", backbone, roles="attention", block_size=7)


def test_a_size_out_of_bounds_is_refused():
    with pytest.raises(BadSetting, match="r='0' is not valid"):
        composed("peft:loha", load_backbone("vision:digits"), r="0")


def test_learned_tokens_share_the_positions_with_the_text():
    backbone = load_backbone("nlp:minilm")
    longest = backbone.contract.max_length
    model = composed("peft:prefix_tuning", backbone, num_virtual_tokens=300)
    assert backbone.contract.max_length == 512 - 2 - 300
    assert model.logits(["word " * 400])["classification"].isfinite().all()
    model.adapter.detach(backbone)
    assert backbone.contract.max_length == longest
