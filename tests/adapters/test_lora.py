"""LoRA: what it trains, what it leaves alone, and that stock PEFT opens what it saves."""

import copy
import json

import pytest
import torch
from safetensors.torch import save_file

import zoo
from zoo.errors import BadSetting, Incompatible
from zoo.model import Block, load_backbone

VIT = "timm:vit_tiny_patch16_224"
LABELS = ["a", "b", "c"]


def random_backbone(name):
    torch.manual_seed(0)
    return load_backbone(name, pretrained=False)


def composed(backbone, **settings):
    task = zoo.task("classification", labels=LABELS)
    return zoo.compose(backbone, zoo.adapter("lora", settings), task)


def shaken(model):
    """Make every trainable tensor different from its start, as training would."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.trainable().values():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return model


@pytest.mark.parametrize(
    ("name", "role"), [("vision:digits", "conv"), (VIT, "attention"), ("timm:resnet10t", "conv")]
)
def test_only_the_updates_and_the_head_are_trained(name, role):
    backbone = random_backbone(name)
    before = {k: v.clone() for k, v in backbone.module.state_dict().items()}
    model = composed(backbone)
    names = set(model.trainable())
    assert names
    assert all(".lora_" in n or n.startswith("heads.") for n in names)
    targets = {n.split(".lora_")[0].removeprefix("backbone.module.") for n in names if "lora" in n}
    later = backbone.blocks[len(backbone.blocks) // 2 :] if role == "conv" else backbone.blocks
    roots = tuple(root for block in later for root in block.modules)
    assert targets == {n for n in backbone.lora_targets[role] if n.startswith(roots)}

    model.train()
    batch = backbone.preprocess.collate([backbone.preprocess(sample_for(backbone))] * 4)
    optimizer = torch.optim.SGD(model.trainable().values(), lr=0.1)
    for _ in range(2):
        logits = model(batch)["classification"]
        torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0])).backward()
        optimizer.step()
    after = backbone.module.state_dict()
    for key, value in before.items():
        now = after.get(key)
        if now is None:
            module, _, leaf = key.rpartition(".")
            now = after[f"{module}.base_layer.{leaf}"]
        assert torch.equal(value, now), key


def sample_for(backbone):
    from PIL import Image

    mode = "L" if backbone.contract.channels == 1 else "RGB"
    return Image.new(mode, (32, 32), 128)


def test_it_starts_as_the_identity():
    plain, adapted = random_backbone(VIT), random_backbone(VIT)
    composed(adapted)
    batch = {"pixel_values": torch.randn(2, 3, 224, 224)}
    with torch.inference_mode():
        before, after = plain(batch).pooled, adapted(batch).pooled
    # Not to the bit: a last block that computes its class token alone adds in another order.
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


def test_dropout_before_the_updates_is_all_that_changes_in_training_mode():
    model = composed(random_backbone(VIT))
    model.train()
    training = {n for n, m in model.backbone.named_modules() if m.training}
    assert training
    assert all("lora_dropout" in name for name in training)
    model.eval()
    assert not any(m.training for m in model.modules())


@pytest.mark.parametrize("settings", [{}, {"dora": True}, {"rslora": True, "rank": 4}])
@pytest.mark.parametrize("name", [VIT, "timm:resnet10t"])
def test_stock_peft_opens_it_with_equal_logits(name, settings, tmp_path):
    backbone = random_backbone(name)  # mends torchvision, which the next lines import
    import timm
    from peft import PeftModel

    stock = timm.create_model(name.removeprefix("timm:"), num_classes=len(LABELS))
    stock.load_state_dict(backbone.module.state_dict(), strict=False)
    model = shaken(composed(backbone, **settings))

    layout = model.adapter.layout(backbone, model.heads, model.native_head)
    assert layout.holds_heads
    for file, tensors in layout.tensors.items():
        save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / file)
    for file, config in layout.configs.items():
        (tmp_path / file).write_text(json.dumps(config))
    opened = PeftModel.from_pretrained(stock, str(tmp_path)).eval()

    batch = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        expected = model({"pixel_values": batch})["classification"]
        found = opened(batch)
    assert expected.std() > 0
    assert torch.allclose(found, expected, atol=1e-5)


def test_the_layout_describes_live_tensors():
    model = composed(random_backbone("vision:digits"))
    layout = model.adapter.layout(model.backbone, model.heads, model.native_head)
    (tensors,) = layout.tensors.values()
    trained = {n for n in model.trainable() if ".lora_" in n}
    assert len(tensors) == len(trained)
    for tensor in tensors.values():
        tensor.zero_()
    assert all(not model.trainable()[n].any() for n in trained)


def test_the_published_configuration_names_layers_literally_and_no_path():
    model = composed(copy.deepcopy(random_backbone("vision:digits")))
    config = model.adapter.layout(model.backbone, model.heads, None).configs["adapter_config.json"]
    assert config["target_modules"]
    assert set(config["target_modules"]) <= set(model.backbone.lora_targets["conv"])
    assert config["base_model_name_or_path"] is None
    assert json.loads(json.dumps(config)) == config


def test_a_role_the_backbone_lacks_is_refused_with_those_it_has():
    with pytest.raises(
        Incompatible, match=r"(?s)no layers of role attention; it has: conv.*roles="
    ):
        composed(random_backbone("vision:digits"), roles="attention")


@pytest.mark.parametrize("rank", [0, 10**9, "many"])
def test_rank_is_bounded_before_anything_is_allocated(rank):
    with pytest.raises(BadSetting, match=r"rank=.* is not valid; it is of type int, at least 1"):
        zoo.adapter("lora", {"rank": rank})


def test_last_blocks_leaves_the_blocks_before_them_alone():
    backbone = random_backbone(VIT)
    model = composed(backbone, last_blocks=3)
    trained = {n.split(".lora_")[0] for n in model.trainable() if "lora" in n}
    roots = [root for block in backbone.blocks[-3:] for root in block.modules]
    assert trained
    assert all(any(f".{root}." in name for root in roots) for name in trained)
    bare = random_backbone(VIT)
    bare.blocks = (*bare.blocks, Block("end", ("nothing",)))
    with pytest.raises(
        Incompatible, match=r"(?s)last 1 blocks of .* have no attention.*It has \d+"
    ):
        composed(bare, last_blocks=1)


def test_dora_passes_over_layers_with_a_dead_filter():
    backbone = random_backbone("vision:digits")
    first, *others = backbone.lora_targets["conv"]
    with torch.no_grad():
        backbone.module.get_submodule(first).weight[0] = 0
    model = composed(backbone, dora=True)
    trained = {n.split(".lora_")[0].removeprefix("backbone.module.") for n in model.trainable()}
    assert set(others) <= trained
    assert first not in trained
    assert model.logits([sample_for(backbone)] * 2)["classification"].isfinite().all()

    bare = random_backbone("vision:digits")
    with torch.no_grad():
        for name in bare.lora_targets["conv"]:
            bare.module.get_submodule(name).weight[0] = 0
    with pytest.raises(Incompatible, match=r"(?s)every conv layer of vision:digits.*dora=true"):
        composed(bare, dora=True)


@pytest.mark.parametrize(
    ("name", "role", "last"), [("vision:digits", "conv", 2), (VIT, "attention", 13)]
)
def test_the_settings_say_what_was_chosen_where_nothing_was_said(name, role, last):
    model = composed(random_backbone(name))
    chosen = model.adapter.settings
    assert chosen["roles"] == (role,)
    again = composed(random_backbone(name), **chosen)
    assert again.adapter.settings == chosen
    assert set(again.trainable()) == set(model.trainable())
    assert chosen["last_blocks"] == last


@pytest.mark.parametrize("settings", [{}, {"dora": True}, {"rslora": True}])
@pytest.mark.parametrize("name", ["vision:digits", "timm:test_vit"])
def test_merged_it_answers_as_before_and_detached_as_the_bare_backbone(name, settings):
    model = shaken(composed(random_backbone(name), **settings))
    merged = copy.deepcopy(model)
    samples = [sample_for(model.backbone).rotate(0), sample_for(model.backbone).point(lambda v: 9)]
    before = model.logits(samples)["classification"]
    merged.adapter.merge(merged.backbone)
    assert torch.allclose(merged.logits(samples)["classification"], before, atol=1e-4)

    bare = random_backbone(name)
    model.adapter.detach(model.backbone)
    assert not torch.allclose(model.logits(samples)["classification"], before, atol=1e-4)
    for found in (model, merged):
        assert list(found.backbone.module.state_dict()) == list(bare.module.state_dict())
        assert not hasattr(found.backbone.module, "peft_config")
    for key, value in model.backbone.module.state_dict().items():
        assert torch.equal(value, bare.module.state_dict()[key]), key
