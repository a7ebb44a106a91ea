"""The last block of a ViT for its class token alone, where nothing else of it is read.

Keys and values are still those of all tokens; queries, what follows the attention, and the whole
MLP are computed for one token instead of two hundred. The result is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from timm.layers.attention import Attention
from timm.models.vision_transformer import Block, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional

_CLOSE = 1e-5  # of the largest value


def shorten_last_block(model: nn.Module, wanted: Callable[[], bool]) -> None:
    """Let the last block compute its class token alone whenever ``wanted`` says so.

    Nothing changes for models that pool otherwise, whose blocks are of another kind, or where this
    gives something else for a few tokens of noise.
    """
    if type(model) is not VisionTransformer or not _pools_class_token(model):
        return
    block: Any = list(model.blocks)[-1]
    if type(block) is not Block or type(block.attn) is not Attention:
        return
    noise = torch.randn(2, 5, model.embed_dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole, first = block(noise)[:, :1], _first(block, noise)
    if torch.allclose(whole, first, rtol=0.0, atol=_CLOSE * float(whole.abs().max())):
        short: Any = block
        # Names, state and hooks stay; a copy of the model is as good as this one.
        short.__class__, short.first_alone = _ShortBlock, wanted


class _ShortBlock(Block):
    """A block that gives the first token alone where that is wanted."""

    first_alone: Any  # says whether that is wanted

    def forward(
        self, x: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        if attn_mask is None and not is_causal and self.first_alone():
            return _first(self, x)
        whole: Tensor = super().forward(x, attn_mask=attn_mask, is_causal=is_causal)
        return whole


def _pools_class_token(model: Any) -> bool:
    return model.global_pool == "token" and model.attn_pool is None and model.has_class_token


def _first(block: Any, x: Tensor) -> Tensor:
    """What :class:`Block` gives for the first token, ``[batch, 1, size]``."""
    attended = block.drop_path1(block.ls1(_attend(block.attn, block.norm1(x))))
    first = x[:, :1] + attended
    result: Tensor = first + block.drop_path2(block.ls2(block.mlp(block.norm2(first))))
    return result


def _attend(attention: Any, x: Tensor) -> Tensor:
    batch, tokens, _ = x.shape
    heads = attention.num_heads, attention.head_dim
    query, both = _projected(attention.qkv, x, attention.attn_dim)
    key, value = both.reshape(batch, tokens, 2, *heads).permute(2, 0, 3, 1, 4).unbind(0)
    query = query.reshape(batch, 1, *heads).transpose(1, 2)
    found = functional.scaled_dot_product_attention(
        attention.q_norm(query),
        attention.k_norm(key),
        value,
        dropout_p=attention.attn_drop.p if attention.training else 0.0,
    )
    found = attention.norm(found.transpose(1, 2).reshape(batch, 1, attention.attn_dim))
    if attention.gate is not None:
        found = found * attention.gate(x[:, :1]).sigmoid()
    result: Tensor = attention.proj_drop(attention.proj(found))
    return result


def _projected(layer: nn.Module, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Queries of the first token, and keys and values of all."""
    if type(layer) is nn.Linear and not layer._forward_hooks and not layer._forward_pre_hooks:
        bias = layer.bias
        return (
            functional.linear(x[:, :1], layer.weight[:size], None if bias is None else bias[:size]),
            functional.linear(x, layer.weight[size:], None if bias is None else bias[size:]),
        )
    found = layer(x)  # an adapter stands beside it, or somebody watches
    return found[:, :1, :size], found[..., size:]
