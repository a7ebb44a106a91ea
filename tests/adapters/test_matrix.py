"""Adapters on a real MobileNetV2, a random ViT-tiny, the real MiniLM and a tiny GPT-2.

Here the ones that train the backbone's own weights, and some others; ``make soak`` takes them all.
"""

import pytest

from tests.adapters.matrix import BACKBONES, check, place

QUICK = [
    *[("finetune", backbone) for backbone in BACKBONES],
    *[("partial", backbone) for backbone in ("vit", "gpt2")],
    ("bitfit", "gpt2"),
    ("norm", "mobilenet"),
    ("lora", "gpt2"),
    ("peft:ia3", "mobilenet"),
    ("peft:vera", "vit"),
    ("peft:prompt_tuning", "gpt2"),
    ("peft:prefix_tuning", "minilm"),
    ("linear-probe", "gpt2"),
    ("bottleneck", "vit"),
]


@pytest.mark.realdata
@pytest.mark.parametrize(("adapter", "backbone"), QUICK)
def test_it_trains_what_it_says_and_comes_back(adapter, backbone, shared, tmp_path):
    check(adapter, place(backbone, tmp_path, shared), tmp_path / "artifact")
