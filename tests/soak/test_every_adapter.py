"""Every installed adapter on four backbones: trained, saved, opened again; or refused with a reason."""

import pytest

from tests.adapters.matrix import BACKBONES, check, check_stock_peft, place
from zoo.errors import Incompatible
from zoo.host import installed

pytestmark = [pytest.mark.soak, pytest.mark.realdata]
ADAPTERS = [provided.spec.name for provided in installed().adapters]
BESIDE = [
    provided.spec.name
    for provided in installed().adapters
    if provided.spec.name.startswith("peft:") and provided.spec.loader.endswith("LayerTuner")
]

# Where PEFT's defaults do not divide sixteen features.
SMALL = {
    "peft:fourierft": {"n_frequency": 64},
    "peft:vblora": {"vector_length": 16},
    "peft:waveft": {"n_frequency": 64},
}


TOKENS = {"prompt_tuning", "prefix_tuning"}
ON_CONVOLUTIONS = {"ia3", "loha", "lokr", "hira"}
# Methods that PEFT has for nn.Linear alone, and not for the Conv1D of GPT-2.
LINEAR_ALONE = {"adamss", "beft", "boft", "c3a", "delora", "glora", "hra", "lily", "loha", "lokr"}
LINEAR_ALONE |= {"miss", "oft", "peanut", "psoft", "road", "shira", "supertuning"}


def refused(adapter: str, backbone: str) -> bool:
    """Whether an adapter has no place on a backbone; all others have to work."""
    kind, _, method = adapter.rpartition(":")
    if kind != "peft":
        return False
    if method in TOKENS:
        return backbone in ("mobilenet", "vit")
    if backbone == "mobilenet":
        return method not in ON_CONVOLUTIONS
    return backbone == "gpt2" and method in LINEAR_ALONE


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_works_or_says_why_not(adapter, backbone, shared, tmp_path):
    settings = SMALL.get(adapter, {}) if backbone == "gpt2" else {}
    where = place(backbone, tmp_path, shared)
    if refused(adapter, backbone):
        with pytest.raises(Incompatible, match=adapter):
            check(adapter, where, tmp_path / "artifact", **settings)
    else:
        check(adapter, where, tmp_path / "artifact", **settings)


@pytest.mark.parametrize("adapter", BESIDE)
def test_stock_peft_opens_it_with_equal_logits(adapter, tmp_path):
    check_stock_peft(adapter, tmp_path)
