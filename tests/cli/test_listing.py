"""`zoo backbones` and its kin: what there is, for people and for programs."""

import pytest

from tests.cli.commands import zoo
from zoo.cli.search import parse_count
from zoo.host import installed


@pytest.mark.parametrize(
    "kind",
    [
        "backbones",
        "adapters",
        "tasks",
        "rankers",
        "alignments",
        "validators",
        "recipes",
        "plugins",
    ],
)
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


@pytest.mark.parametrize(
    ("option", "word", "answer"),
    [
        ("--modality", "imgae", "Unknown modality 'imgae'. Did you mean 'image'?"),
        ("--modality", "smell", "Unknown modality 'smell'. Valid: image, text"),
        ("--tag", "resnte", "Unknown tag 'resnte'. Did you mean 'resnet'"),
        ("--license", "permisive", "Unknown license 'permisive'. Did you mean 'permissive'"),
        ("--max-params", "3x", "'3x' is no number of parameters."),
        ("--sort", "parms", "Unknown order 'parms'. Did you mean 'params'?"),
        ("--", "densnet", "Unknown word 'densnet'. Did you mean 'densenet'"),
    ],
)
def test_a_filter_that_nothing_has_is_answered_with_what_there_is(option, word, answer):
    ended = zoo("backbones", option, word)
    assert ended.code == 2
    assert ended.out == ""
    assert answer in ended.err


def test_backbones_are_found_by_size_licence_and_tag_in_order_of_size():
    words = ("--modality", "image", "--max-params", "30M", "--license", "permissive")
    found = zoo("backbones", *words, "--tag", "cnn", "--sort", "params", "--json").data
    sizes = [b["params"] for b in found]
    assert len(found) > 5
    assert sizes == sorted(sizes)
    assert sizes[-1] <= 30_000_000
    assert {b["modality"] for b in found} == {"image"}
    assert all("cnn" in b["tags"] for b in found)
    assert {b["license"] for b in found} <= {"apache-2.0", "mit", "bsd-3-clause"}


def test_backbones_are_found_by_what_is_said_of_them():
    found = [b["name"] for b in zoo("backbones", "German", "bert", "--json").data]
    assert "nlp:bert-base-german-cased" in found
    assert all("bert" in name for name in found)
    assert len(found) < 5


def test_where_nothing_fits_it_is_said_what_could_be_left_out():
    words = ("--max-params", "30M", "--license", "permissive", "--tag", "radiology")
    ended = zoo("backbones", *words)
    assert ended.code == 0
    assert "No listed backbone is all of that; without --tag " in ended.err


def test_a_licence_is_found_by_its_own_name_and_by_its_kind():
    own = zoo("backbones", "--license", "cc-by-nc-4.0", "--json").data
    kind = zoo("backbones", "--license", "non-commercial", "--json").data
    assert {b["name"] for b in own} <= {b["name"] for b in kind}
    assert "vision:regnety_160" in {b["name"] for b in own}


def test_what_is_not_known_fits_no_limit_and_that_is_said():
    ended = zoo("backbones", "--modality", "text", "--license", "permissive")
    assert "nlp:gpt2" not in ended.out
    assert "left out because their size or licence is not stated" in ended.err
    assert "nlp:gpt2" in zoo("backbones", "--license", "unknown").out
    ended = zoo("backbones", "--license", "permissive", "--tag", "radiology", "--max-params", "30M")
    assert "not stated" not in ended.err  # those of radiology are larger, whatever their licence


def test_several_tags_are_all_asked_for():
    found = zoo("backbones", "--tag", "dinov2", "--tag", "self-supervised", "--json").data
    assert found
    assert all({"dinov2", "self-supervised"} <= set(b["tags"]) for b in found)


def test_how_each_entry_was_checked_is_in_the_table_and_in_the_json():
    line = next(r for r in zoo("backbones").out.splitlines() if r.startswith("vision:resnet18 "))
    assert "architecture" in line.split()
    checked = {b["name"]: b["verified"] for b in zoo("backbones", "--json").data}
    assert checked["vision:digits"] == "weights"
    assert checked["vision:resnet18"] == "architecture"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("30M", 30_000_000),
        ("1.5g", 1_500_000_000),
        ("500 k", 500_000),
        ("1,000", 1000),
        (None, None),
    ],
)
def test_numbers_of_parameters_as_people_write_them(text, count):
    assert parse_count(text) == count


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
