"""Where transformers' own sequence classifier is nothing but a linear layer on a pooling of ours.

Elsewhere (RoBERTa, DistilBERT, ELECTRA, DeBERTa, ModernBERT, MPNet ...) its head has further layers,
which are random until they are trained: no place for a head on pretrained features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import (
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    PreTrainedModel,
)
from transformers.modeling_layers import GenericForSequenceClassification

from zoo.plugin import NativeHead

# Pretrained pooler, dropout, linear layer.
_ON_POOLER = frozenset(
    {"albert", "bert", "ernie", "megatron-bert", "mobilebert", "rembert"},
)
# Linear layer on the last real token; every class built on transformers' generic one is such, too.
_ON_LAST = frozenset(
    {"bloom", "falcon", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gptj", "opt"},
)


def native_head(model: PreTrainedModel) -> tuple[str, NativeHead] | None:
    """The pooling that transformers' own classifier sits on, and its place; ``None`` without one."""
    config = model.config
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return None
    classifier: Any = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(config)]
    prefix = f"{classifier.base_model_prefix}."
    if config.model_type in _ON_POOLER and getattr(model, "pooler", None) is not None:
        return "pooler", NativeHead("classifier", prefix, bias=True, peft_task="SEQ_CLS")
    if config.model_type in _ON_LAST or _is_generic(classifier):
        return "last", NativeHead("score", prefix, bias=False, peft_task="SEQ_CLS")
    return None


def native_config(
    model: PreTrainedModel, labels: Sequence[str], *, pad_id: int | None
) -> dict[str, Any]:
    """``config.json`` of ``model``, with transformers' own classifier where there are labels.

    Args:
        model: without a head.
        labels: of the classifier.
        pad_id: where the classifier has to tell padding from the last token.
    """
    config = {k: v for k, v in model.config.to_diff_dict().items() if not k.startswith("_")}
    kind: Any = type(model)
    if labels:
        kind = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[type(model.config)]
        config["id2label"] = {str(i): label for i, label in enumerate(labels)}
        config["label2id"] = {label: i for i, label in enumerate(labels)}
        if pad_id is not None:
            config["pad_token_id"] = pad_id
    return config | {"architectures": [kind.__name__], "dtype": "float32"}


def _is_generic(classifier: type) -> bool:
    return (
        issubclass(classifier, GenericForSequenceClassification)
        and classifier.forward is GenericForSequenceClassification.forward
    )
