"""Ways to make one vector of many, and the lines that do the same without zoo."""

from __future__ import annotations

import torch
from torch import Tensor

_TOKENS = "tokens = model(**inputs).last_hidden_state"
_MASK = 'mask = inputs["attention_mask"].unsqueeze(-1)'

LINES = {
    "mean": (_TOKENS, _MASK, "pooled = (tokens * mask).sum(1) / mask.sum(1)"),
    "cls": ("pooled = model(**inputs).last_hidden_state[:, 0]",),
    "last": (
        _TOKENS,
        'last = inputs["attention_mask"].sum(1) - 1',
        "pooled = tokens[torch.arange(len(last)), last]",
    ),
    "max": (_TOKENS, _MASK, 'pooled = tokens.masked_fill(mask == 0, float("-inf")).amax(1)'),
    "pooler": ("pooled = model(**inputs).pooler_output",),
}


def pool(pooling: str, tokens: Tensor, mask: Tensor) -> Tensor:
    """``[batch, tokens, size]`` and a mask ``[batch, tokens]``, padded on the right, to one vector."""
    if pooling == "cls":
        return tokens[:, 0]
    if pooling == "last":
        last = mask.sum(1) - 1
        return tokens[torch.arange(len(last), device=last.device), last]
    real = mask.unsqueeze(-1)
    if pooling == "max":
        return tokens.masked_fill(real == 0, float("-inf")).amax(1)
    return (tokens * real).sum(1) / real.sum(1)
