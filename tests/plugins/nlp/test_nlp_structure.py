"""Blocks and layers by role, over every architecture."""

from __future__ import annotations

import pytest
from torch import nn
from transformers.pytorch_utils import Conv1D

from .conftest import KINDS


def parameters_of(module: nn.Module, name: str) -> list[str]:
    """The names of the parameters that a block's entry, a module or a bare parameter, holds."""
    known = dict(module.named_parameters())
    return [key for key in known if key == name or key.startswith(f"{name}.")]


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_cover_every_parameter_once(encoder, kind):
    backbone = encoder(kind)
    covered = [
        parameter
        for block in backbone.blocks
        for name in block.modules
        for parameter in parameters_of(backbone.module, name)
    ]
    assert sorted(covered) == sorted(name for name, _ in backbone.module.named_parameters())


@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k != "albert"]
)  # whose layers share one set of weights
def test_blocks_are_the_layers_in_order(encoder, kind):
    blocks = encoder(kind).blocks
    layers = [block.name for block in blocks if block.name not in ("embeddings", "final")]
    assert blocks[0].name == "embeddings"
    assert [name.rpartition(".")[2] for name in layers] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("kind", "block", "module"),
    [
        ("deberta-v2", "embeddings", "encoder.rel_embeddings"),
        ("deberta-v2", "encoder.layer.0", "encoder.conv"),
        ("electra", "embeddings", "embeddings_project"),
        ("mpnet", "embeddings", "encoder.relative_attention_bias"),
        ("megatron-bert", "final", "encoder.ln"),
        ("bert", "final", "pooler"),
        ("llama", "final", "norm"),
    ],
)
def test_what_lies_outside_the_layers_goes_where_it_is_called(encoder, kind, block, module):
    blocks = {b.name: b.modules for b in encoder(kind).blocks}
    assert module in blocks[block]


@pytest.mark.parametrize("kind", KINDS)
def test_roles_name_the_linear_layers_of_the_layers(encoder, kind):
    backbone = encoder(kind)
    modules = dict(backbone.module.named_modules())
    attention, mlp = (set(backbone.lora_targets[role]) for role in ("attention", "mlp"))
    layers = [m for b in backbone.blocks[1:] if b.name != "final" for m in b.modules]
    inside = {
        name
        for name, module in modules.items()
        if isinstance(module, (nn.Linear, Conv1D))
        and any(name.startswith(f"{layer}.") for layer in layers)
    }
    assert attention | mlp == inside
    assert not attention & mlp


@pytest.mark.parametrize(
    ("kind", "attention", "mlp"),
    [
        (
            "bert",
            {
                "attention.self.query",
                "attention.self.key",
                "attention.self.value",
                "attention.output.dense",
            },
            {"intermediate.dense", "output.dense"},
        ),
        ("gpt2", {"attn.c_attn", "attn.c_proj"}, {"mlp.c_fc", "mlp.c_proj"}),
        (
            "llama",
            {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"},
            {"mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"},
        ),
        ("modernbert", {"attn.Wqkv", "attn.Wo"}, {"mlp.Wi", "mlp.Wo"}),
    ],
)
def test_roles(encoder, kind, attention, mlp):
    targets = encoder(kind).lora_targets
    first = {
        role: {name.partition(".0.")[2] for name in names if ".0." in name}
        for role, names in targets.items()
    }
    assert first == {"attention": attention, "mlp": mlp}
