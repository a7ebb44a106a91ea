"""A timm backbone: the same features and preprocessing as timm, its blocks and adapter targets."""

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from zoo.model import extract

ARCHITECTURES = [
    "resnet18",
    "mobilenetv2_100",
    "convnext_atto",
    "regnety_002",
    "vit_tiny_patch16_224",
    "swin_tiny_patch4_window7_224",
    "pit_ti_224",  # has no grouping of timm's
]
NATIVE = {
    "resnet18": "fc",
    "mobilenetv3_small_050": "classifier",
    "convnext_atto": "head.fc",
    "vit_tiny_patch16_224": "head",
}


def untrained(name: str, seed: int = 0):
    torch.manual_seed(seed)
    return zoo.load_backbone(f"timm:{name}", pretrained=False)


def photo(width: int = 301, height: int = 247, mode: str = "RGB") -> Image.Image:
    channels = len(mode)
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(pixels.squeeze(), mode).resize((width, height))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_blocks_cover_every_parameter_once_in_order(name):
    backbone = untrained(name)
    parameters = [n for n, _ in backbone.module.named_parameters()]
    covered = [
        parameter
        for block in backbone.blocks
        for module in block.modules
        for parameter in parameters
        if parameter == module or parameter.startswith(f"{module}.")
    ]
    assert sorted(covered) == sorted(parameters)
    assert len(backbone.blocks) >= 4
    assert len({block.name for block in backbone.blocks}) == len(backbone.blocks)
    assert called_first(backbone) == sorted(called_first(backbone))


def called_first(backbone) -> list[int]:
    """When each block's first module that is called as one was called."""
    order: list[str] = []
    for name, module in backbone.module.named_modules():
        module.register_forward_pre_hook(lambda *_, name=name: order.append(name))
    extract(backbone, [photo()])
    firsts = []
    for block in backbone.blocks:
        calls = [
            i for i, n in enumerate(order) for m in block.modules if f"{n}.".startswith(f"{m}.")
        ]
        firsts.append(min(calls))
    return firsts


@pytest.mark.parametrize(("name", "head"), NATIVE.items())
def test_a_linear_layer_on_the_features_is_timms_own_model(name, head):
    backbone = untrained(name)
    assert backbone.native_head is not None
    assert (backbone.native_head.name, backbone.native_head.bias) == (head, True)

    import timm

    classifier = torch.nn.Linear(backbone.feature_size, 5)
    whole = timm.create_model(name, num_classes=5).eval()
    native = {f"{head}.{key}": tensor for key, tensor in classifier.state_dict().items()}
    whole.load_state_dict({**backbone.module.state_dict(), **native})
    config = timm.data.resolve_model_data_config(whole)
    inputs = timm.data.create_transform(**config, is_training=False)(photo())[None]
    with torch.no_grad():
        expected = whole(inputs)
        found = classifier(extract(backbone, [photo()]))
    assert expected.std() > 0
    assert torch.allclose(found, expected, atol=1e-5)  # zoo computes with channels last


def test_a_classifier_that_is_more_than_one_linear_layer_is_not_native():
    assert untrained("deit_tiny_distilled_patch16_224").native_head is None
    assert untrained("levit_128s").native_head is None


def test_tokens_come_with_models_that_have_them():
    with torch.no_grad():
        vit, cnn = untrained("test_vit"), untrained("test_resnet")
        assert vit(vit.preprocess.collate([vit.preprocess(photo())])).tokens.shape == (1, 101, 64)
        assert cnn(cnn.preprocess.collate([cnn.preprocess(photo())])).tokens is None


def test_preprocessing_is_described_as_plain_data():
    described = untrained("vit_tiny_patch16_224").preprocess.describe()
    assert described["input_size"] == [3, 224, 224]
    assert described["library"] == "timm"
    assert {type(value) for value in described.values()} <= {str, float, list}


ROLES = {
    "mobilenetv2_100": {"conv"},
    "test_convnext": {"conv", "mlp"},
    "vit_tiny_patch16_224": {"attention", "conv", "mlp"},
    "eva02_tiny_patch14_224": {"attention", "conv", "mlp"},
}


@pytest.mark.parametrize("name", ROLES)
def test_an_update_on_any_target_reaches_the_output(name):
    backbone = untrained(name)
    assert set(backbone.lora_targets) == ROLES[name]
    everywhere = {"roles": sorted(ROLES[name]), "last_blocks": len(backbone.blocks)}
    adapter = zoo.adapter("lora", everywhere)
    model = zoo.compose(backbone, adapter, zoo.task("classification", labels=["a", "b"]))
    batch = backbone.preprocess.collate([backbone.preprocess(photo())])
    model(batch)["classification"].square().sum().backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if ".lora_B." in n}
    assert len(gradients) == sum(map(len, backbone.lora_targets.values()))
    assert [n for n, g in gradients.items() if g is None or not g.abs().sum() > 0] == []


def test_layers_whose_weight_is_used_without_a_call_are_no_targets():
    attention = untrained("eva02_tiny_patch14_224").lora_targets["attention"]
    assert attention
    assert not any(name.endswith("qkv") for name in attention)


def test_depthwise_and_self_padding_convolutions_are_no_targets():
    backbone = untrained("mobilenetv2_100")
    modules = dict(backbone.module.named_modules())
    targets = [modules[name] for name in backbone.lora_targets["conv"]]
    assert "conv_stem" in backbone.lora_targets["conv"]
    assert all(conv.groups == 1 and type(conv) is torch.nn.Conv2d for conv in targets)
    assert any(conv.kernel_size == (1, 1) for conv in targets)


def test_frozen_means_frozen():
    backbone = untrained("mobilenetv2_100")
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    before = {name: tensor.clone() for name, tensor in backbone.module.state_dict().items()}
    task = zoo.task("classification", labels=["a", "b"])
    model = zoo.compose(backbone, "linear-probe", task).train()
    model(backbone.preprocess.collate([backbone.preprocess(photo())] * 2))
    after = backbone.module.state_dict()
    assert any(name.endswith("running_mean") for name in before)
    assert all(torch.equal(before[name], after[name]) for name in before)
