"""What other plugins get wrong is no fault of the one that is checked."""

from types import ModuleType

import pytest

from zoo.plugin import AdapterSpec, BackboneSpec, hookimpl
from zoo.testing import check
from zoo.testing.subjects import AdapterSubject, BackboneSubject


@hookimpl
def zoo_backbones():
    return [
        BackboneSpec(
            name="wreck:tiny", loader="wreck:load", modality="image", summary="one", tags=("tiny",)
        )
    ]


@hookimpl
def zoo_adapters():
    return [AdapterSpec(name="wreck", loader="wreck:Wreck", summary="one")]


def wreck(*args):
    raise RuntimeError("a neighbour's fault")


@pytest.fixture
def host(zoo_host):
    module = ModuleType("wreck")
    module.zoo_backbones, module.zoo_adapters = zoo_backbones, zoo_adapters
    module.load = module.Wreck = wreck
    for name in ("zoo-digits", "zoo-lora"):
        plugin = f"{name.replace('-', '_')}.hooks"
        assert zoo_host.add(plugin, name=name).status == "ok"
    assert zoo_host.add(module, name="wreck").status == "ok"
    return zoo_host


def failed(name, *rules, **named):
    asked = [ask for ask in check(name, **named) if ask.args[0].name in rules]
    assert asked
    return [v.reason for ask in asked if (v := ask()).status == "failed"]


@pytest.mark.parametrize(
    ("plugin", "rule"), [("zoo-lora", "attaches"), ("zoo-digits", "every_adapter_attaches")]
)
def test_a_broken_neighbour_fails_nobody_else(host, plugin, rule):
    assert failed(plugin, rule) == []


def test_a_neighbour_that_is_named_is_tried(host):
    (reason,) = failed("zoo-lora", "attaches", backbones=["wreck:tiny"])
    assert "wreck:tiny" in reason
    assert "a neighbour's fault" in reason
    (reason,) = failed("zoo-digits", "every_adapter_attaches", adapters=["wreck"])
    assert "wreck" in reason


def test_what_a_plugin_provides_itself_is_tried(host):
    assert "wreck:tiny" in AdapterSubject(host.host.adapter("wreck")).backbones
    assert "wreck" in BackboneSubject(host.host.backbone("wreck:tiny")).adapters
    assert "wreck:tiny" not in AdapterSubject(host.host.adapter("lora")).backbones
