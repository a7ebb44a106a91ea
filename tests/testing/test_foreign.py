"""The kit on backbones of libraries that nobody here wrote: it runs, and its verdicts are true.

``make foreign`` installs the libraries and runs them; without these they skip.
"""

import sys

import pytest

from tests.testing import foreign_plugin
from zoo.testing import BACKBONE_RULES
from zoo.testing.subjects import BackboneSubject
from zoo.torchvision_clash import mend_torchvision

pytestmark = pytest.mark.soak
ADAPTERS = ["lora", "linear-probe"]
NO_PADDING = {"padding_does_not_matter": "all inputs have one shape"}


@pytest.fixture
def verdicts(zoo_host):
    mend_torchvision()
    sys.modules.setdefault(foreign_plugin.__name__, foreign_plugin)
    for plugin in ("zoo_lora.hooks", "zoo_linear_probe.hooks"):
        zoo_host.add(plugin, name=plugin)
    assert zoo_host.add(foreign_plugin, name="foreign").status == "ok"

    def judge(name, adapters=ADAPTERS):
        subject = BackboneSubject(zoo_host.host.backbone(name), seconds=None, adapters=adapters)
        return {rule.name: subject.verdict(rule) for rule in BACKBONE_RULES}

    return judge


def unusual(verdicts):
    """What did not pass, but for what is so of all that is not installed."""
    known = ("hooks_import_nothing_heavy", "a_tiny_one_is_fast")
    return {
        name: v.reason for name, v in verdicts.items() if v.status != "passed" and name not in known
    }


def test_a_vision_tower_of_open_clip_conforms(verdicts):
    pytest.importorskip("open_clip", reason="open_clip_torch is not installed")
    assert unusual(verdicts("foreign:clip")) == NO_PADDING


def test_a_naive_wrapper_of_open_clip_is_caught(verdicts):
    pytest.importorskip("open_clip", reason="open_clip_torch is not installed")
    found = unusual(verdicts("foreign:clip-naive"))
    assert "no gradient reaches" in found["every_adapter_trains"]
    assert "out_proj.lora_A" in found["every_adapter_trains"]
    depth = found.pop("refuses_what_the_contract_forbids")
    assert "it answers a 16-bit image as if that were another picture" in depth
    assert set(found) == {*NO_PADDING, "every_adapter_trains", "every_adapter_round_trips"}


def test_a_dense_net_of_torchxrayvision_conforms(verdicts):
    pytest.importorskip("torchxrayvision", reason="torchxrayvision is not installed")
    assert unusual(verdicts("foreign:xrv")) == NO_PADDING


def test_its_preprocessing_without_a_size_is_caught(verdicts):
    pytest.importorskip("torchxrayvision", reason="torchxrayvision is not installed")
    found = unusual(verdicts("foreign:xrv-uncropped"))
    assert "features_are_as_declared" in found


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from tests.plugins.nlp.conftest import save_tiny

    return save_tiny(tmp_path_factory.mktemp("foreign") / "bert", "bert")


def test_a_sentence_transformer_conforms(bert, verdicts):
    assert unusual(verdicts(f"foreign:sentence:{bert}")) == {}


def test_one_that_forgets_the_mask_is_caught(bert, verdicts):
    found = unusual(verdicts(f"foreign:sentence-maskless:{bert}", adapters=["linear-probe"]))
    assert set(found) == {"padding_does_not_matter"}
    assert "obey the mask" in found["padding_does_not_matter"]
