"""A ViT whose last block computes its class token alone answers and learns as the whole does."""

import copy

import pytest
import torch

import zoo
from zoo.host import installed
from zoo.model import Weights, load_spec
from zoo.registry import load

VIT = "timm:vit_tiny_patch16_224"


def untrained(name=VIT):
    torch.manual_seed(0)
    return load_spec(load().backbone(installed(), name), Weights(pretrained=False))


def answer(backbone, pooled_only):
    backbone.pooled_only = pooled_only
    pixels = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    return backbone({"pixel_values": pixels})


def test_features_and_gradients_are_those_of_the_whole_block():
    backbone = untrained()
    weights = list(backbone.module.blocks[-1].parameters())
    for weight in weights:
        weight.requires_grad_(True)
    told = []
    for pooled_only in (False, True):
        pooled = answer(backbone, pooled_only).pooled
        read = (pooled * torch.linspace(-1, 1, pooled.numel()).view_as(pooled)).sum()
        told.append((pooled, *torch.autograd.grad(read, weights)))
    for whole, short in zip(*told, strict=True):
        tolerance = max(1e-4 * float(whole.detach().abs().max()), 1e-5)
        torch.testing.assert_close(short, whole, rtol=0, atol=tolerance)


def test_the_mlp_sees_one_token_and_only_where_no_other_is_read():
    backbone, seen = untrained(), []
    backbone.module.blocks[-1].mlp.register_forward_hook(lambda _, x, y: seen.append(x[0].shape[1]))
    assert answer(backbone, True).tokens is None
    assert answer(backbone, False).tokens.shape[1] == 197
    assert seen == [1, 197]
    zoo.compose(backbone, "partial", zoo.task("classification", labels=["a", "b"]))
    assert backbone.pooled_only


@pytest.mark.parametrize("adapter", ["lora", "peft:ia3"])
def test_an_adapter_in_the_last_block_counts(adapter):
    model = zoo.compose(untrained(), adapter, zoo.task("classification", labels=["a", "b"]))
    with torch.no_grad():
        for parameter in model.trainable().values():
            parameter.normal_(0, 0.5)
    backbone = model.backbone
    short, whole = answer(backbone, True).pooled, answer(backbone, False).pooled
    torch.testing.assert_close(
        short, whole, rtol=0, atol=1e-4 * float(whole.detach().abs().max()) + 1e-7
    )


def test_a_copy_computes_with_its_own_weights():
    backbone = untrained()
    before = answer(backbone, True).pooled
    other = copy.deepcopy(backbone)
    with torch.no_grad():
        for weight in other.module.blocks[-1].parameters():
            weight.zero_()
    assert torch.equal(answer(backbone, True).pooled, before)
    assert not torch.equal(answer(other, True).pooled, before)


def test_other_kinds_of_models_are_left_alone():
    backbone = untrained("timm:deit_tiny_distilled_patch16_224")
    assert type(backbone.module.blocks[-1]).__name__ == "Block"
