"""What a transformers model says of its sizes, whatever its type."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel

from zoo.plugin import Incompatible


def vocabulary_of(name: str, model: PreTrainedModel) -> int:
    """How many tokens the model knows.

    Raises:
        Incompatible: it is no model of texts.
    """
    try:
        embeddings: Any = model.get_input_embeddings()
        return int(embeddings.num_embeddings)
    except (AttributeError, NotImplementedError):
        raise Incompatible(f"{name} ({model.config.model_type}) is no model of texts.") from None


def positions_of(model: PreTrainedModel) -> int | None:
    """How many tokens fit; RoBERTa and its kin begin to count after their padding index."""
    for name, module in model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            if module.padding_idx is not None:
                return module.num_embeddings - module.padding_idx - 1
            return module.num_embeddings
    stated = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return stated if isinstance(stated, int) and stated > 0 else None
