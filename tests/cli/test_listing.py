"""`zoo backbones` and its kin: what there is, for people and for programs."""

import pytest

from tests.cli.commands import zoo
from zoo.host import installed


@pytest.mark.parametrize("kind", ["backbones", "adapters", "tasks", "recipes", "plugins"])
def test_people_and_programs_are_told_the_same_names(kind):
    listed = zoo(kind, "--json").data
    assert listed
    table = zoo(kind)
    assert table.code == 0
    for entry in listed:
        assert any(line.startswith(entry["name"]) for line in table.out.splitlines())


def test_backbones_are_filtered_by_what_they_take():
    every = zoo("backbones", "--json").data
    images = zoo("backbones", "--modality", "image", "--json").data
    assert images == [entry for entry in every if entry["modality"] == "image"]
    assert len(images) < len(every)


def test_a_modality_that_nothing_takes_is_answered_with_those_there_are():
    ended = zoo("backbones", "--modality", "smell")
    assert ended.code == 0
    assert "None takes 'smell'; there are some for image" in ended.err


def test_recipes_are_filtered_by_the_modality_of_their_backbone():
    texts = zoo("recipes", "--modality", "text", "--json").data
    assert texts
    assert zoo("recipes", "--modality", "smell", "--json").data == []


def test_the_registry_curates_and_all_shows_the_rest(tmp_path, monkeypatch):
    from zoo import registry

    (tmp_path / ".zoo").mkdir()
    (tmp_path / ".zoo" / "registry.toml").write_text('show = ["vision:digits"]\n')
    monkeypatch.chdir(tmp_path)
    registry.load.cache_clear()
    try:
        shown = zoo("backbones")
        assert [b["name"] for b in zoo("backbones", "--json").data] == ["vision:digits"]
        assert len(zoo("backbones", "--all", "--json").data) > 1
        assert "more with `zoo backbones --all`" in shown.err
    finally:
        registry.load.cache_clear()


@pytest.fixture
def with_plugins(site):
    """Build the host anew with what a test adds to ``site``, which is on sys.path."""
    yield installed.cache_clear
    installed.cache_clear()


def test_a_broken_plugin_is_listed_with_its_reason_and_the_rest_goes_on(site, with_plugins):
    site.add("zoo-wreck", "raise RuntimeError('no such device')")
    with_plugins()
    plugins = zoo("plugins")
    assert plugins.code == 0
    assert (
        "zoo-wreck 1.0 (plugin 'zoo-wreck') is broken: RuntimeError: no such device" in plugins.err
    )
    backbones = zoo("backbones")
    assert "vision:digits" in backbones.out
    assert "Broken: zoo-wreck 1.0 (plugin 'zoo-wreck'); `zoo plugins` says why." in backbones.err


def test_what_a_plugin_writes_cannot_steer_the_terminal(site, with_plugins):
    site.add(
        "zoo-painter",
        """
        @hookimpl
        def zoo_backbones():
            summary = "\\x1b[2J\\x9b31mred [bold]bold\\nnext line"
            return [BackboneSpec(name="paint:it", loader="m:f", modality="image", summary=summary)]
        """,
    )
    with_plugins()
    table = zoo("backbones").out
    row = next(line for line in table.splitlines() if line.startswith("paint:it"))
    assert row.endswith(r"\x1b[2J\x9b31mred [bold]bold next line")
    printed = zoo("backbones", "--json")
    assert "\x1b" not in printed.out
    assert "\x9b" not in printed.out
    entry = next(b for b in printed.data if b["name"] == "paint:it")
    assert entry["summary"] == "\x1b[2J\x9b31mred [bold]bold\nnext line"
