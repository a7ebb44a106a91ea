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
    "peft:c3a": {"block_size": 16},
    "peft:fourierft": {"n_frequency": 64},
    "peft:oft": {"oft_block_size": 8},
    "peft:road": {"group_size": 16},
    "peft:vblora": {"vector_length": 16},
    "peft:waveft": {"n_frequency": 64},
}


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_it_works_or_says_why_not(adapter, backbone, shared, tmp_path):
    settings = SMALL.get(adapter, {}) if backbone == "gpt2" else {}
    where = place(backbone, tmp_path, shared)
    try:
        check(adapter, where, tmp_path / "artifact", **settings)
    except Incompatible as err:
        if not adapter.startswith("peft:"):
            raise
        pytest.skip(err.message)


@pytest.mark.parametrize("adapter", BESIDE)
def test_stock_peft_opens_it_with_equal_logits(adapter, tmp_path):
    check_stock_peft(adapter, tmp_path)
