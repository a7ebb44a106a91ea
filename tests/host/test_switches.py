"""Which plugins are loaded is decided before anything of them is imported."""

import re
from pathlib import Path

import pytest

from tests.plugin_site import PluginSite
from zoo import switches
from zoo.errors import BadSetting, PluginError, RegistryInvalid, UnknownName
from zoo.host import Host
from zoo.switches import Rule, Switches

LISTS = """
    import pathlib
    pathlib.Path(__file__ + ".imported").touch()

    @hookimpl
    def zoo_backbones():
        return [BackboneSpec(name="vision:{0}", loader="x:y", modality="image")]
"""


@pytest.fixture
def three(site: PluginSite) -> PluginSite:
    for name in "abc":
        site.add(f"zoo-{name}", LISTS.format(name), name=f"plugin-{name}")
    return site


@pytest.fixture
def layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Where the user's and the project's registry.toml are."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    found = {
        "user": tmp_path / "config/zoo/registry.toml",
        "project": project / ".zoo/registry.toml",
    }
    for path in found.values():
        path.parent.mkdir(parents=True)
    return found


def imported(site: PluginSite) -> set[str]:
    return {path.name[4] for path in site.folder.glob("*.imported")}


def status(host: Host) -> list[str]:
    return [plugin.status for plugin in host.plugins]


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (Rule("ENV", disable=("plugin-a",)), "bc"),
        (Rule("ENV", disable=("zoo-a", "ZOO_B")), "c"),
        (Rule("ENV", disable=("*",)), ""),
        (Rule("ENV", allow=("zoo-c",)), "c"),
        (Rule("ENV", allow=("plugin-?",), disable=("zoo-c",)), "ab"),
        (Rule("ENV", allow=()), ""),
        (Rule("ENV", disable=("zoo-nobody",)), "abc"),
    ],
)
def test_what_is_forbidden_is_not_imported(three: PluginSite, rule: Rule, left: str) -> None:
    host = Host(three.points(), switches=Switches(rules=(rule,)))
    assert [p.spec.name for p in host.backbones] == [f"vision:{name}" for name in left]
    assert imported(three) == set(left)
    off = [p for p in host.plugins if p.status == "disabled"]
    assert len(off) == 3 - len(left)
    assert {p.reason for p in off} <= {"by ENV"}


def test_a_name_of_a_disabled_plugin_is_answered_with_where_it_may_be(three: PluginSite) -> None:
    host = Host(three.points(), switches=Switches(rules=(Rule("ENV", disable=("zoo-a",)),)))
    with pytest.raises(UnknownName, match=r"\(plugin 'plugin-a'\) is disabled by ENV"):
        host.backbone("vision:a")


def test_every_place_is_asked_and_any_can_forbid(
    three: PluginSite, layers: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_DISABLE_PLUGINS", "zoo-a")
    layers["user"].write_text('[plugins]\nallow = ["plugin-*"]\n')
    layers["project"].write_text('[plugins]\nallow = ["*"]\ndisable = ["zoo-b"]\n')
    host = Host(three.points(), switches=switches.current())
    assert [(p.status, p.reason) for p in host.plugins] == [
        ("disabled", "by ZOO_DISABLE_PLUGINS or --disable-plugins"),
        ("disabled", "by .zoo/registry.toml"),
        ("ok", ""),
    ]


def test_a_project_cannot_allow_what_its_user_does_not(
    three: PluginSite, layers: dict[str, Path]
) -> None:
    layers["user"].write_text('[plugins]\nallow = ["zoo-a"]\n')
    layers["project"].write_text('[plugins]\nallow = ["zoo-b"]\n')
    assert status(Host(three.points(), switches=switches.current())) == ["disabled"] * 3


@pytest.mark.parametrize("content", ["plugins = 3", "[plugins]\ndisable = 'a'", "[plugins]\nx = 1"])
def test_rules_that_cannot_be_read_are_never_passed_over(
    layers: dict[str, Path], content: str
) -> None:
    layers["user"].write_text(content)
    with pytest.raises(RegistryInvalid, match="cannot be used: plugins"):
        switches.current()


def test_switches_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert switches.current() == Switches()
    for name, value in {
        "ZOO_ALLOW_PLUGINS": " zoo-a, zoo-b ",
        "ZOO_STRICT": "1",
        "ZOO_TRACE": "yes",
        "ZOO_PLUGIN_TIMEOUT": "0",
    }.items():
        monkeypatch.setenv(name, value)
    rule = Rule("ZOO_ALLOW_PLUGINS or --allow-plugins", allow=("zoo-a", "zoo-b"))
    assert switches.current() == Switches(rules=(rule,), strict=True, trace=True, limit=0)
    monkeypatch.setenv("ZOO_STRICT", "0")
    assert not switches.current().strict


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_limit_is_a_number_of_seconds(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ZOO_PLUGIN_TIMEOUT", text)
    with pytest.raises(BadSetting, match="is not a number of seconds"):
        switches.current()


# === Strict ===


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        ("raise RuntimeError('no GPU')", "RuntimeError: no GPU"),
        ("@hookimpl\ndef zoo_taks():\n    pass\n", "implements 'zoo_taks', which is not a hook"),
        ("@hookimpl\ndef zoo_tasks():\n    return 3\n", "zoo_tasks returned int"),
        ("@hookimpl\ndef zoo_tasks():\n    raise KeyError('x')\n", "zoo_tasks raised KeyError"),
        ("ZOO_API = '9.9'\n", "made for version 9.9"),
    ],
)
def test_strictly_the_first_failure_is_raised_with_its_cause(
    site: PluginSite, hooks: str, message: str
) -> None:
    site.add("zoo-bad", hooks)
    with pytest.raises(PluginError) as caught:
        _ = Host(site.points(), switches=Switches(strict=True)).plugins
    assert caught.value.message.startswith(f"zoo-bad 1.0 (plugin 'zoo-bad'): {message}")
    if "raise" in hooks:
        assert str(caught.value.__cause__).partition(":")[0] in message
        assert caught.value.__cause__.__traceback__.tb_next is not None


def test_strictly_a_disabled_plugin_is_no_failure(site: PluginSite) -> None:
    site.add("zoo-bad", "raise RuntimeError")
    rule = Rule("ENV", disable=("zoo-bad",))
    assert status(Host(site.points(), switches=Switches(strict=True, rules=(rule,)))) == [
        "disabled"
    ]


# === Trace ===


def test_every_load_and_every_call_is_told_of(
    three: PluginSite, capsys: pytest.CaptureFixture[str]
) -> None:
    three.add("zoo-d", "@hookimpl\ndef zoo_backbones():\n    raise OSError\n")
    three.add("zoo-e", "@hookimpl\ndef zoo_resolve_backbone(name):\n    return None\n")
    host = Host(three.points(), switches=Switches(trace=True))
    with pytest.raises(UnknownName):
        host.backbone("open:x")
    lines = re.sub(r"\d+\.\d ms", "T ms", capsys.readouterr().err).splitlines()
    assert [line for line in lines if "zoo-a" in line or "zoo-d" in line] == [
        "trace: load zoo-a 1.0 (plugin 'plugin-a') …",
        "trace: load zoo-a 1.0 (plugin 'plugin-a'): done after T ms",
        "trace: load zoo-d 1.0 (plugin 'zoo-d') …",
        "trace: load zoo-d 1.0 (plugin 'zoo-d'): done after T ms",
        "trace: zoo_backbones() zoo-a 1.0 (plugin 'plugin-a') …",
        "trace: zoo_backbones() zoo-a 1.0 (plugin 'plugin-a'): done after T ms",
        "trace: zoo_backbones() zoo-d 1.0 (plugin 'zoo-d') …",
        "trace: zoo_backbones() zoo-d 1.0 (plugin 'zoo-d'): raised OSError after T ms",
    ]
    assert "trace: zoo_resolve_backbone(name='open:x') zoo-e 1.0 (plugin 'zoo-e') …" in lines
    assert all(line.startswith("trace: ") for line in lines)
