"""A host with what a test puts there, and nothing that is installed."""

import types

import pytest

import zoo
from zoo.errors import UnknownName
from zoo.host import installed
from zoo.plugin import AdapterSpec, hookimpl


def module(name, **hooks):
    made = types.ModuleType(name)
    for hook, answer in hooks.items():
        made.__dict__[hook] = hookimpl(specname=hook)(lambda answer=answer: answer)
    return made


def test_nothing_that_is_installed_is_there(zoo_host):
    assert zoo_host.host.plugins == []
    assert zoo.backbones() == []
    with pytest.raises(UnknownName):
        zoo.load_backbone("vision:digits")


def test_what_is_added_is_there_for_everything(zoo_host):
    spec = AdapterSpec(name="mine", loader="mine:Mine")
    record = zoo_host.add(
        module("mine_hooks", zoo_adapters=[spec]), distribution="zoo-mine", version="2.1"
    )
    assert (record.origin, record.status) == ("zoo-mine 2.1 (plugin 'under-test')", "ok")
    assert record.provides == ["mine"]
    assert zoo.adapters() == [spec]


def test_what_is_broken_says_why(zoo_host):
    record = zoo_host.add(module("broken_hooks", zoo_adapters=7))
    assert record.status == "broken"
    assert "returned int" in record.reason


def test_one_can_be_added_by_name(zoo_host):
    assert zoo_host.add("zoo_lora.hooks", name="lora").provides == ["lora"]
    assert [adapter.name for adapter in zoo.adapters()] == ["lora"]


def test_afterwards_everything_is_as_before(request):
    before = [record.name for record in installed().plugins]
    with pytest.MonkeyPatch.context() as patch:
        from zoo.testing.fixtures import IsolatedHost

        assert IsolatedHost(patch).host.plugins == []
    installed.cache_clear()
    assert [record.name for record in installed().plugins] == before
    assert "lora" in before
