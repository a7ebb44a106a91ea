"""The host: what breaks in a plugin stays with that plugin; names are never decided by order."""

import os
import signal
import threading
from importlib.metadata import entry_points

import pytest

from tests.plugin_site import PluginSite
from zoo.errors import MissingPlugin, NameClash, PluginError, UnknownName, WeightsNotFound
from zoo.host import GROUP, Host, PluginRecord, require

GOOD = """
    @hookimpl
    def zoo_backbones():
        return [BackboneSpec(name="vision:good", loader="zoo_good:load", modality="image")]

    def load(spec, weights):
        return spec.name
"""


def record(host: Host, distribution: str) -> PluginRecord:
    (found,) = [r for r in host.plugins if r.distribution == distribution]
    return found


def names(host: Host) -> list[str]:
    return [p.spec.name for p in host.backbones]


# === What breaks ===

BROKEN = {
    "raises at import": (
        "raise RuntimeError('no GPU here')",
        "RuntimeError: no GPU here",
    ),
    "leaves at import": (
        "raise SystemExit(3)",
        "SystemExit: 3",
    ),
    "lacks a library": (
        "import a_library_nobody_has",
        "ModuleNotFoundError: No module named 'a_library_nobody_has'",
    ),
    "has a syntax error": (
        "def zoo_backbones(:",
        "SyntaxError: ",
    ),
    "asks for an argument the hook does not have": (
        """
        @hookimpl
        def zoo_backbones(gpu):
            return []
        """,
        "zoo_backbones has no argument 'gpu'",
    ),
    "misspells a hook": (
        """
        @hookimpl
        def zoo_backbnes():
            return []
        """,
        "implements 'zoo_backbnes', which is not a hook of zoo",
    ),
    "raises in a hook": (
        """
        @hookimpl
        def zoo_backbones():
            raise KeyError("weights")
        """,
        "zoo_backbones raised KeyError: 'weights'",
    ),
    "leaves in a hook": (
        """
        @hookimpl
        def zoo_adapters():
            raise SystemExit("goodbye")
        """,
        "zoo_adapters raised SystemExit: goodbye",
    ),
    "returns no list": (
        """
        @hookimpl
        def zoo_tasks():
            return 7
        """,
        "zoo_tasks returned int, not a list of specs",
    ),
    "returns a list of something else": (
        """
        @hookimpl
        def zoo_adapters():
            return [BackboneSpec(name="vision:odd", loader="odd:load", modality="image")]
        """,
        "zoo_adapters returned BackboneSpec, not AdapterSpec",
    ),
    "returns a spec that is not valid": (
        """
        @hookimpl
        def zoo_backbones():
            return [BackboneSpec(name="nocolon", loader="odd:load", modality="image")]
        """,
        "zoo_backbones raised InvalidSpec: Backbone name 'nocolon' is not of the form",
    ),
}


@pytest.mark.row(56)
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_reported_with_its_reason_and_the_others_go_on(
    site: PluginSite, case: str
) -> None:
    hooks, reason = BROKEN[case]
    site.add("zoo-broken", hooks, version="0.3")
    site.add("zoo-good", GOOD)

    host = site.host()

    broken = record(host, "zoo-broken")
    assert (broken.status, broken.version) == ("broken", "0.3")
    assert broken.reason.startswith(reason)
    assert record(host, "zoo-good").status == "ok"
    assert names(host) == ["vision:good"]
    assert host.load(host.backbone("vision:good"))(host.backbone("vision:good").spec, None) == (
        "vision:good"
    )


def test_an_argument_that_may_have_been_meant_is_named(site: PluginSite) -> None:
    site.add("zoo-odd", "@hookimpl\ndef zoo_resolve_backbone(nam):\n    return None\n")
    found = record(site.host(), "zoo-odd")
    assert found.reason == "zoo_resolve_backbone has no argument 'nam'"
    assert found.remedy == "Did its author mean 'name'? See docs/plugins/hooks.md."


def test_a_module_of_its_own_that_is_missing_is_its_authors_mistake(site: PluginSite) -> None:
    site.add("zoo-two", "import zoo_two_parts.nope\n")
    (site.folder / "zoo_two_parts").mkdir()
    assert "zoo plugin install zoo-two" in record(site.host(), "zoo-two").remedy
    (site.folder / "zoo_two-1.0.dist-info/entry_points.txt").write_text(
        f"[{GROUP}]\nzoo-two = zoo_two_parts.hooks\n"
    )
    (site.folder / "zoo_two_parts/hooks.py").write_text("import zoo_two_parts.nope\n")
    assert record(site.host(), "zoo-two").remedy == (
        "A module of its own, 'zoo_two_parts.nope', is missing: report it to the authors of "
        "zoo-two, or set ZOO_DISABLE_PLUGINS=zoo-two."
    )


def test_specs_before_the_bad_one_are_kept(site: PluginSite) -> None:
    site.add(
        "zoo-half",
        """
        @hookimpl
        def zoo_backbones():
            return [BackboneSpec(name="vision:half", loader="half:load", modality="image"), None]
        """,
    )
    host = site.host()
    assert names(host) == ["vision:half"]
    assert record(host, "zoo-half").reason == "zoo_backbones returned NoneType, not BackboneSpec"


def test_a_plugin_broken_in_one_hook_still_answers_the_others(site: PluginSite) -> None:
    site.add(
        "zoo-half",
        """
        @hookimpl
        def zoo_backbones():
            raise OSError("no list today")

        @hookimpl
        def zoo_tasks():
            return [TaskSpec(name="counting", loader="zoo_half:Counting")]
        """,
    )
    host = site.host()
    assert record(host, "zoo-half").status == "broken"
    assert host.task("counting").plugin.origin == "zoo-half 1.0 (plugin 'zoo-half')"


def test_the_first_reason_is_kept(site: PluginSite) -> None:
    site.add(
        "zoo-twice",
        """
        @hookimpl
        def zoo_backbones():
            raise OSError("first")

        @hookimpl
        def zoo_adapters():
            raise OSError("second")
        """,
    )
    assert record(site.host(), "zoo-twice").reason == "zoo_backbones raised OSError: first"


def test_what_plugins_print_never_reaches_stdout(
    site: PluginSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.add(
        "zoo-chatty",
        """
        print("loading")

        @hookimpl
        def zoo_backbones():
            print("listing")
            return [BackboneSpec(name="vision:chatty", loader="zoo_chatty_loader:load", modality="image")]
        """,
    )
    (site.folder / "zoo_chatty_loader.py").write_text("print('importing')\nload = print\n")
    host = site.host()
    host.load(host.backbone("vision:chatty"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.split() == ["loading", "listing", "importing"]


def test_ctrl_c_in_a_hook_is_not_taken_for_a_broken_plugin(site: PluginSite) -> None:
    site.add("zoo-slow", "import time\n@hookimpl\ndef zoo_backbones():\n    time.sleep(4)\n")
    host = site.host()
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        _ = host.backbones


def test_a_plugin_that_plays_ctrl_c_itself_is_broken(site: PluginSite) -> None:
    site.add("zoo-odd", "@hookimpl\ndef zoo_backbones():\n    raise KeyboardInterrupt\n")
    site.add("zoo-good", GOOD)
    host = site.host()
    assert record(host, "zoo-odd").reason == "zoo_backbones raised KeyboardInterrupt"
    assert names(host) == ["vision:good"]


def test_hooks_may_be_optional(site: PluginSite) -> None:
    site.add(
        "zoo-later",
        "@hookimpl(optionalhook=True)\ndef zoo_from_a_later_version():\n    return []\n",
    )
    assert record(site.host(), "zoo-later").status == "ok"


def test_discovery_finds_plugins_among_installed_distributions(site: PluginSite) -> None:
    site.add("zoo-good", GOOD, name="goodies", version="2.5")
    found = record(Host(), "zoo-good")
    assert found.origin == "zoo-good 2.5 (plugin 'goodies')"
    assert found.provides == ["vision:good"]
    assert found.load_seconds > 0


# === Loaders ===


def lists(name: str, loader: str) -> str:
    return f"""
        @hookimpl
        def zoo_backbones():
            return [BackboneSpec(name={name!r}, loader={loader!r}, modality="image")]

        value = 3
        """


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (
            "zoo_lazy.nowhere:load",
            "zoo-lazy 1.0 (plugin 'zoo-lazy') cannot load 'vision:lazy': ModuleNotFoundError: ",
        ),
        (
            "zoo_lazy:absent",
            "zoo-lazy 1.0 (plugin 'zoo-lazy') cannot load 'vision:lazy': AttributeError: ",
        ),
        (
            "zoo_lazy:value",
            "zoo-lazy 1.0 (plugin 'zoo-lazy'): 'zoo_lazy:value' is not callable.",
        ),
    ],
)
def test_a_loader_that_cannot_be_had_names_its_plugin(
    site: PluginSite, loader: str, message: str
) -> None:
    site.add("zoo-lazy", lists("vision:lazy", loader))
    host = site.host()
    with pytest.raises(PluginError) as caught:
        host.load(host.backbone("vision:lazy"))
    assert caught.value.message.startswith(message)
    assert "zoo-lazy" in caught.value.hint


def test_loaders_are_imported_only_when_a_model_is_built(site: PluginSite) -> None:
    site.add("zoo-lazy", lists("vision:lazy", "zoo_lazy_heavy:load"))
    (site.folder / "zoo_lazy_heavy.py").write_text("raise RuntimeError('heavy')\n")
    host = site.host()
    assert names(host) == ["vision:lazy"]
    with pytest.raises(PluginError, match="RuntimeError: heavy"):
        host.load(host.backbone("vision:lazy"))


@pytest.mark.parametrize(
    "raised", ["KeyError('weights')", "SystemExit('weights')", "Odd('weights')"]
)
def test_a_loader_that_raises_names_its_plugin(site: PluginSite, raised: str) -> None:
    site.add("zoo-lazy", lists("vision:lazy", "zoo_lazy_loader:load"))
    (site.folder / "zoo_lazy_loader.py").write_text(
        f"class Odd(BaseException):\n    pass\n\ndef load(spec):\n    raise {raised}\n"
    )
    host = site.host()
    provided = host.backbone("vision:lazy")
    with pytest.raises(PluginError) as caught:
        host.make(provided, provided.spec)
    kind = raised.partition("(")[0]
    assert caught.value.message.startswith(
        f"zoo-lazy 1.0 (plugin 'zoo-lazy') failed to load vision:lazy: {kind}: "
    )


def test_an_error_of_zoos_own_passes_and_what_a_loader_prints_is_no_data(
    site: PluginSite, capsys: pytest.CaptureFixture[str]
) -> None:
    site.add("zoo-lazy", lists("vision:lazy", "zoo_lazy_loader:load"))
    (site.folder / "zoo_lazy_loader.py").write_text(
        "from zoo.plugin import WeightsNotFound\n\n"
        "def load(spec):\n    print('loading')\n    raise WeightsNotFound('nowhere')\n"
    )
    host = site.host()
    provided = host.backbone("vision:lazy")
    with pytest.raises(WeightsNotFound, match="nowhere"):
        host.make(provided, provided.spec)
    out, err = capsys.readouterr()
    assert (out, err) == ("", "loading\n")


# === Names ===


@pytest.mark.parametrize(
    ("kind", "hook", "spec"),
    [
        ("backbone", "zoo_backbones", "BackboneSpec(name={!r}, loader='x:y', modality='image')"),
        ("adapter", "zoo_adapters", "AdapterSpec(name={!r}, loader='x:y')"),
        ("task", "zoo_tasks", "TaskSpec(name={!r}, loader='x:y')"),
    ],
)
def test_one_name_from_two_distributions_is_an_error_on_use(
    site: PluginSite, kind: str, hook: str, spec: str
) -> None:
    name, other = ("vision:same", "vision:other") if kind == "backbone" else ("same", "other")
    one = f"@hookimpl\ndef {hook}():\n    return [{spec.format(name)}]\n"
    two = f"@hookimpl\ndef {hook}():\n    return [{spec.format(name)}, {spec.format(other)}]\n"
    site.add("zoo-a", one)
    site.add("zoo-b", two, version="4.2")
    host = site.host()

    assert [r.status for r in host.plugins] == ["ok", "ok"]
    find = getattr(host, kind)
    assert find(other).plugin.distribution == "zoo-b"
    with pytest.raises(NameClash) as caught:
        find(name)
    assert caught.value.message == (
        f"The {kind} {name!r} is provided by zoo-a 1.0 (plugin 'zoo-a') "
        "and by zoo-b 4.2 (plugin 'zoo-b')."
    )
    assert caught.value.hint == "Uninstall one of them, e.g. `pip uninstall zoo-b`."


def test_of_two_with_one_name_zoos_own_is_not_the_one_to_uninstall(site: PluginSite) -> None:
    hook = "@hookimpl\ndef zoo_adapters():\n    return [AdapterSpec(name={!r}, loader='x:y')]\n"
    site.add("zoo-rival", hook.format("lora"))
    site.add("a-rival", hook.format("linear-probe"))
    host = Host([*site.points(), *entry_points(group=GROUP)])
    advice = "Uninstall one of them, e.g. `pip uninstall {}`."
    for name, rival in {"lora": "zoo-rival", "linear-probe": "a-rival"}.items():
        with pytest.raises(NameClash) as caught:
            host.adapter(name)
        assert caught.value.hint == advice.format(rival)
    hints = {clash.hint for clash in host.clashes}
    assert hints == {advice.format("zoo-rival"), advice.format("a-rival")}


def test_one_name_twice_from_one_distribution_is_a_clash_too(site: PluginSite) -> None:
    site.add(
        "zoo-a",
        """
        @hookimpl
        def zoo_tasks():
            return [TaskSpec(name="same", loader="x:y"), TaskSpec(name="same", loader="x:z")]
        """,
    )
    with pytest.raises(NameClash) as caught:
        site.host().task("same")
    assert (
        caught.value.message == "The task 'same' is provided twice by zoo-a 1.0 (plugin 'zoo-a')."
    )


def test_an_unknown_name_is_answered_with_near_ones(site: PluginSite) -> None:
    site.add("zoo-good", GOOD)
    with pytest.raises(UnknownName) as caught:
        site.host().backbone("vision:goood")
    assert str(caught.value) == (
        "Unknown backbone 'vision:goood'. Did you mean 'vision:good'?\n"
        "`zoo backbones` lists them all."
    )


def test_an_unknown_name_may_be_a_broken_plugins(site: PluginSite) -> None:
    site.add("zoo-broken", "raise RuntimeError('no GPU here')")
    with pytest.raises(UnknownName) as caught:
        site.host().task("counting")
    assert str(caught.value) == (
        "Unknown task 'counting'. No task is installed.\n"
        "zoo-broken 1.0 (plugin 'zoo-broken') is broken and may provide it: "
        "RuntimeError: no GPU here"
    )


# === Open namespaces ===


def opens(namespace: str, *, answer: str = "name") -> str:
    return f"""
        @hookimpl
        def zoo_resolve_backbone(name):
            if name.startswith({namespace + ":"!r}):
                return BackboneSpec(name={answer}, loader="x:y", modality="image")
        """


def test_an_open_namespace_resolves_what_is_not_listed(site: PluginSite) -> None:
    site.add("zoo-open", opens("open"))
    site.add("zoo-good", GOOD)
    host = site.host()
    assert host.backbone("open:a folder/with spaces").plugin.distribution == "zoo-open"
    assert names(host) == ["vision:good"]
    with pytest.raises(UnknownName):
        host.backbone("opened:model")


def test_two_plugins_that_open_one_namespace_clash(site: PluginSite) -> None:
    site.add("zoo-a", opens("open"))
    site.add("zoo-b", opens("open"))
    with pytest.raises(NameClash, match=r"zoo-a 1\.0 .* and by zoo-b 1\.0"):
        site.host().backbone("open:model")


def test_a_listed_name_in_a_namespace_that_another_opens_is_a_clash(site: PluginSite) -> None:
    site.add("zoo-a", lists("open:model", "x:y"))
    site.add("zoo-b", opens("open"))
    host = site.host()
    with pytest.raises(NameClash, match=r"zoo-a 1\.0 .* and by zoo-b 1\.0"):
        host.backbone("open:model")
    assert host.backbone("open:other").plugin.distribution == "zoo-b"


def test_a_plugin_may_list_names_of_the_namespace_it_opens(site: PluginSite) -> None:
    site.add("zoo-a", lists("open:model", "x:y") + opens("open"))
    assert site.host().backbone("open:model").plugin.distribution == "zoo-a"


@pytest.mark.parametrize("name", ["open:", "open", ":x", "Open:x", "open: x", "open:a\nb"])
def test_plugins_are_not_asked_for_what_is_no_name(site: PluginSite, name: str) -> None:
    site.add("zoo-open", "@hookimpl\ndef zoo_resolve_backbone(name):\n    raise OSError(name)\n")
    host = site.host()
    with pytest.raises(UnknownName):
        host.backbone(name)
    assert record(host, "zoo-open").status == "ok"


def test_an_answer_to_another_question_is_refused(site: PluginSite) -> None:
    site.add("zoo-open", opens("open", answer="'open:mine'"))
    host = site.host()
    with pytest.raises(UnknownName):
        host.backbone("open:yours")
    assert record(host, "zoo-open").reason == (
        "zoo_resolve_backbone was asked for 'open:yours' and described 'open:mine'"
    )


def test_a_resolver_that_raises_does_not_stop_the_others(site: PluginSite) -> None:
    site.add("zoo-a", "@hookimpl\ndef zoo_resolve_backbone(name):\n    raise OSError('disk')\n")
    site.add("zoo-b", opens("open"))
    host = site.host()
    assert host.backbone("open:model").plugin.distribution == "zoo-b"
    assert record(host, "zoo-a").reason == "zoo_resolve_backbone raised OSError: disk"


def test_an_unknown_backbone_is_first_of_all_that_of_whoever_broke_on_it(site: PluginSite) -> None:
    site.add("zoo-a", "raise RuntimeError('no GPU here')")
    site.add("zoo-b", "@hookimpl\ndef zoo_resolve_backbone(name):\n    raise KeyError(name)\n")
    with pytest.raises(UnknownName) as caught:
        site.host().backbone("rr:x")
    assert caught.value.hint == (
        "zoo-b 1.0 (plugin 'zoo-b') is broken and may provide it: "
        "zoo_resolve_backbone raised KeyError: 'rr:x'. "
        "So may zoo-a (broken): `zoo plugins` says why."
    )


# === What artifacts need ===


@pytest.mark.row(56)
def test_a_plugin_that_an_artifact_needs_is_named_when_it_is_missing(site: PluginSite) -> None:
    host = site.host()
    with pytest.raises(MissingPlugin) as caught:
        require(host.adapter, "lora", "zoo-lora 0.1.0")
    assert str(caught.value) == (
        "This artifact needs 'lora', which no installed plugin provides; "
        "it came from zoo-lora 0.1.0.\n"
        "If you trust it, install it: `pip install zoo-lora`."
    )
    with pytest.raises(MissingPlugin, match="`zoo plugins` lists what is installed"):
        require(host.adapter, "lora", "")


@pytest.mark.row(56)
def test_a_plugin_that_an_artifact_needs_and_that_is_here_is_not_to_be_installed(
    site: PluginSite,
) -> None:
    site.add("zoo-broken", "raise RuntimeError('no GPU here')")
    site.add("zoo-good", GOOD)
    host = site.host()
    with pytest.raises(MissingPlugin) as caught:
        require(host.backbone, "vision:other", "zoo-broken 2.0")
    assert caught.value.hint == (
        "zoo-broken 1.0 (plugin 'zoo-broken') is broken and may provide it: "
        "RuntimeError: no GPU here"
    )
    with pytest.raises(MissingPlugin) as caught:
        require(host.backbone, "vision:other", "zoo-good 2.0")
    assert caught.value.hint == (
        "zoo-good 1.0 is installed and has no such name; another version may: "
        "`pip install --upgrade zoo-good`."
    )
    assert require(host.backbone, "vision:good", "zoo-good 1.0")


def test_a_plugin_that_an_artifact_needs_is_found(site: PluginSite) -> None:
    site.add("zoo-good", GOOD)
    host = site.host()
    assert require(host.backbone, "vision:good", "zoo-good").plugin.distribution == "zoo-good"
