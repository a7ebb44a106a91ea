"""A plugin that changes what is not its own is named, and what it changed is put back."""

import importlib
import json
import os
import subprocess
import sys

import pytest

import zoo.errors
import zoo.registry
import zoo.specs
from tests.plugin_site import PluginSite

LISTS = """
    @hookimpl
    def zoo_backbones():
        return [BackboneSpec(name="vision:{0}", loader="x:y", modality="image")]
"""

AT_LOAD = {
    "a function": ("import zoo.registry as m; m.load = None", "zoo.registry.load"),
    "a method": ("import zoo.specs as m; m.Spec = 1; m.BackboneSpec.__post_init__ = print",
                 "zoo.specs.backbone.BackboneSpec.__post_init__, zoo.specs.Spec"),
    "an exception": ("import zoo.errors as m; m.UnknownName = KeyError", "zoo.errors.UnknownName"),
    "by deleting": ("import zoo.specs as m; del m.is_backbone_name", "zoo.specs.is_backbone_name"),
    "a builtin": ("import builtins; builtins.open = print", "builtins.open"),
    "the host": ("from zoo.host import Host; Host.load = None", "zoo.host.host.Host.load"),
}  # fmt: skip


@pytest.mark.parametrize("case", AT_LOAD)
@pytest.mark.parametrize("where", ["at load", "in a hook"])
def test_what_a_plugin_replaces_in_zoo_is_named_and_put_back(
    site: PluginSite, case: str, where: str
) -> None:
    code, named = AT_LOAD[case]
    before = (zoo.registry.load, zoo.specs.BackboneSpec.__post_init__, zoo.specs.is_backbone_name,
              zoo.errors.UnknownName, zoo.host.Host.load, zoo.specs.Spec)  # fmt: skip
    if where == "at load":
        site.add("zoo-a-ape", code + "\n")
    else:
        site.add("zoo-a-ape", f"@hookimpl\ndef zoo_tasks():\n    {code}\n    return []\n")
    site.add("zoo-good", LISTS.format("good"))
    ape, good = site.host().plugins
    assert (ape.status, ape.reason) == ("broken", f"replaced {named}")
    assert (good.status, good.provides) == ("ok", ["vision:good"])
    assert before == (zoo.registry.load, zoo.specs.BackboneSpec.__post_init__,
                      zoo.specs.is_backbone_name, zoo.errors.UnknownName, zoo.host.Host.load,
                      zoo.specs.Spec)  # fmt: skip


def test_another_plugins_hook_replaced_before_that_plugin_is_loaded(site: PluginSite) -> None:
    site.add(
        "zoo-a-ape",
        "import zoo_victim\ndef evil():\n    return []\nzoo_victim.zoo_backbones = evil\n",
    )
    site.add("zoo-victim", LISTS.format("victim"))
    ape, victim = site.host().plugins
    assert (ape.status, ape.reason) == ("broken", "replaced zoo_victim.zoo_backbones")
    assert (victim.status, victim.provides) == ("ok", ["vision:victim"])


def test_another_plugins_hook_replaced_in_a_hook(site: PluginSite) -> None:
    site.add("zoo-victim", LISTS.format("victim"))
    site.add(
        "zoo-z-ape",
        """
        @hookimpl
        def zoo_backbones():
            import zoo_victim
            def evil():
                return []
            zoo_victim.zoo_backbones = evil
            return []
        """,
    )
    victim, ape = site.host().plugins
    assert (ape.status, ape.reason) == ("broken", "replaced zoo_victim.zoo_backbones")
    assert victim.status == "ok"
    assert importlib.import_module("zoo_victim").zoo_backbones.__module__ == "zoo_victim"


@pytest.mark.parametrize("how", ["zoo_victim.LOADER = 'x:z'", "setattr(zoo_victim, 'LOADER', 0)"])
def test_what_does_not_say_where_it_was_written_is_told_by_who_speaks_of_it(
    site: PluginSite, how: str
) -> None:
    site.add(
        "zoo-bystander", "import zoo_victim\n" + LISTS.format("bystander").replace("\n    ", "\n")
    )
    site.add("zoo-victim", "LOADER = 'x:y'\n" + LISTS.format("victim").replace("\n    ", "\n"))
    site.add("zoo-z-ape", f"import zoo_victim\n{how}\n")
    bystander, victim, ape = site.host().plugins
    assert (ape.status, ape.reason) == ("broken", "replaced zoo_victim.LOADER")
    assert (bystander.status, victim.status) == ("ok", "ok")
    assert importlib.import_module("zoo_victim").LOADER == "x:y"


def test_a_module_of_zoo_that_a_plugin_is_the_first_to_import(site: PluginSite) -> None:
    site.add(
        "zoo-ape", "import zoo.registry\ndef evil():\n    return 1\nzoo.registry.load = evil\n"
    )
    script = (
        "import zoo.host, sys\n"
        "assert 'zoo.registry' not in sys.modules\n"
        "(ape,) = [p for p in zoo.host.Host().plugins if p.name == 'zoo-ape']\n"
        "from zoo import registry\n"
        "print(ape.reason, registry.load.__module__)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(site.folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout == "replaced zoo.registry.load zoo.registry\n", ended.stderr


def test_plugins_may_use_each_other_and_fill_in_their_own(site: PluginSite) -> None:
    site.add("zoo-a", "import zoo_b\nfrom zoo_b import make\ncache = None\n" + """
@hookimpl
def zoo_backbones():
    global cache, late
    cache, late = make, zoo_b
    return [make("vision:a")]
""")  # fmt: skip
    site.add(
        "zoo-b",
        """
        count = 0

        def make(name):
            global count
            count += 1
            return BackboneSpec(name=name, loader="x:y", modality="image")

        @hookimpl
        def zoo_backbones():
            return [make("vision:b")]
        """,
    )
    assert [(p.status, p.reason) for p in site.host().plugins] == [("ok", ""), ("ok", "")]


def test_libraries_that_are_imported_are_nobodys_tampering(site: PluginSite) -> None:
    site.add("zoo-a", f"import zoo.registry, zoo.data.contract, json\n{LISTS.format('a')}".replace(
        "\n    ", "\n"))  # fmt: skip
    assert site.host().plugins[0].status == "ok"
    assert json.loads("1") == 1
