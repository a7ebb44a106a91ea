"""Which plugins a version of the plugin API takes, and how one of its hooks goes."""

import pytest

from tests.plugin_site import PluginSite
from zoo import hookspecs
from zoo.deprecated import PluginDeprecation, deprecated
from zoo.host import PluginRecord, api

HOOK = """
    @hookimpl
    def zoo_backbones():
        return [BackboneSpec(name="vision:mine", loader="x:y", modality="image")]
"""


def loaded(site: PluginSite, declared: str) -> PluginRecord:
    site.add("zoo-mine", f"    ZOO_API = {declared}\n{HOOK}")
    (record,) = site.host().plugins
    return record


def test_a_plugin_made_for_this_version_is_used(site: PluginSite) -> None:
    record = loaded(site, repr(hookspecs.API_VERSION))
    assert (record.status, record.provides) == ("ok", ["vision:mine"])


@pytest.mark.parametrize(
    ("declared", "remedy"),
    [("'0.2'", "Upgrade zoo: "), ("'1.0'", "Upgrade zoo: ")],
)
def test_a_plugin_for_a_later_version_is_skipped_and_zoo_is_to_be_upgraded(
    site: PluginSite, declared: str, remedy: str
) -> None:
    record = loaded(site, declared)
    assert (record.status, record.provides) == ("skipped", [])
    assert record.reason == (
        f"made for version {declared[1:-1]} of the plugin API; this zoo has {hookspecs.API_VERSION}"
    )
    assert record.remedy.startswith(remedy)


def test_the_version_before_is_taken_and_older_ones_are_to_be_upgraded(
    site: PluginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "API_VERSION", "0.5")
    assert api.agrees(PluginRecord("a", "zoo-a", "1"), "0.4")
    old = PluginRecord("a", "zoo-a", "1")
    assert not api.agrees(old, "0.3")
    assert old.status == "skipped"
    assert old.remedy == "Upgrade it: `zoo plugin install --upgrade zoo-a`."


def test_a_number_is_shown_as_it_was_written(site: PluginSite) -> None:
    record = loaded(site, "0.1")
    assert record.reason == "ZOO_API = 0.1 is not a version of the plugin API"
    assert record.remedy == "It is a string such as '0.1'."


@pytest.mark.parametrize("declared", ["7", "'latest'", "'0.1.2'", "(0, 1)"])
def test_what_is_no_version_breaks_the_plugin(site: PluginSite, declared: str) -> None:
    record = loaded(site, declared)
    assert record.status == "broken"
    assert "is not a version of the plugin API" in record.reason


def test_a_name_that_this_zoo_has_not_is_answered_with_an_upgrade(site: PluginSite) -> None:
    site.add("zoo-later", "from zoo.plugin import FutureSpec\n")
    (record,) = site.host().plugins
    assert record.reason.startswith("ImportError: cannot import name 'FutureSpec'")
    assert record.remedy == "It may be for another zoo: `pip install --upgrade zoo zoo-later`."


def test_a_deprecated_hook_works_and_warns(
    site: PluginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = deprecated("zoo_backbones", removed_in="0.2", instead="zoo_models")
    monkeypatch.setitem(hookspecs.zoo_backbones.zoo_spec, "warn_on_impl", warning)
    with pytest.warns(
        PluginDeprecation, match="goes with version 0.2 of the plugin API; use zoo_m"
    ):
        record = loaded(site, "None")
    assert (record.status, record.provides) == ("ok", ["vision:mine"])
    assert record.warnings == [
        "zoo_backbones goes with version 0.2 of the plugin API; use zoo_models."
    ]


def test_a_deprecated_argument_warns_those_who_take_it(
    site: PluginSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = deprecated("'name'", removed_in="0.2", instead="'wanted'")
    options = hookspecs.zoo_resolve_backbone.zoo_spec
    monkeypatch.setitem(options, "warn_on_impl_args", {"name": warning})
    site.add("zoo-with", "@hookimpl\ndef zoo_resolve_backbone(name):\n    pass\n")
    site.add("zoo-without", "@hookimpl\ndef zoo_resolve_backbone():\n    pass\n")
    with pytest.warns(PluginDeprecation, match="'name' goes"):
        plugins = site.host().plugins
    assert [(p.name, len(p.warnings)) for p in plugins] == [("zoo-with", 1), ("zoo-without", 0)]
