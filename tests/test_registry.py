"""The registry: three layers of curation, and what cannot be used is refused by its path."""

from pathlib import Path

import pytest

from tests.plugin_site import PluginSite
from zoo import registry
from zoo.errors import RegistryInvalid, UnknownName
from zoo.registry import Registry

LISTS_TWO = """
    @hookimpl
    def zoo_backbones():
        return [
            BackboneSpec(name=f"vision:{n}", loader="x:y", modality="image") for n in ("one", "two")
        ]
"""


class Layers:
    """Where the user's and the project's registry.toml are for one test."""

    def __init__(self, folder: Path):
        self.user = folder / "config" / "zoo" / "registry.toml"
        self.project = folder / "project" / ".zoo" / "registry.toml"
        for path in (self.user, self.project):
            path.parent.mkdir(parents=True)

    def load(self) -> Registry:
        return registry.load.__wrapped__()


@pytest.fixture
def layers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layers:
    made = Layers(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path / "project")
    return made


def test_the_shipped_layer_stands_alone(layers: Layers) -> None:
    shipped = layers.load()
    assert shipped.aliases["minilm"] == "nlp:minilm"
    assert shipped.defaults.task == "classification"
    assert shipped.recipe("texts").adapter == "lora"


def test_every_shipped_name_exists() -> None:
    from zoo.host import installed

    host, shipped = installed(), registry.load.__wrapped__()
    for name in [*shipped.aliases, *shipped.defaults.backbones.values(), *shipped.show]:
        assert shipped.backbone(host, name).spec.name
    assert host.adapter(shipped.defaults.adapter)
    assert host.adapter(shipped.defaults.baseline_adapter)
    assert host.task(shipped.defaults.task)
    for recipe in shipped.recipes.values():
        assert shipped.backbone(host, recipe.backbone)
        assert host.adapter(recipe.adapter)


def test_layers_lie_on_top_of_each_other_name_by_name(layers: Layers) -> None:
    layers.user.write_text(
        """
        show = ["vision:one"]
        [aliases]
        minilm = "nlp:users"
        mine = "vision:one"
        [defaults]
        adapter = "linear-probe"
        [defaults.backbones]
        image = "vision:one"
        """
    )
    layers.project.write_text('[aliases]\nmine = "vision:two"\n')
    merged = layers.load()
    assert merged.aliases["minilm"] == "nlp:users"
    assert merged.aliases["mine"] == "vision:two"
    assert merged.aliases["digits"] == "vision:digits"
    assert merged.show == ("vision:one",)
    assert merged.defaults.adapter == "linear-probe"
    assert merged.defaults.task == "classification"
    assert merged.defaults.backbones == {"text": "nlp:minilm", "image": "vision:one"}


def test_a_recipe_is_replaced_whole(layers: Layers) -> None:
    layers.user.write_text(
        """
        [recipes.mine]
        summary = "with settings"
        backbone = "vision:one"
        adapter = "lora"
        settings = { rank = 4, roles = "mlp" }
        training = { epochs = 3 }
        """
    )
    layers.project.write_text(
        '[recipes.mine]\nsummary = "plain"\nbackbone = "vision:two"\nadapter = "linear-probe"\n'
    )
    mine = layers.load().recipe("mine")
    assert (mine.backbone, mine.settings, mine.training) == ("vision:two", {}, {})
    assert "texts" in layers.load().recipes


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("show = [", "cannot be used: "),
        ("aliases = 3", "aliases: it is a table, not int."),
        ("alias = { a = 'b:c' }", "alias: there is no such key; valid are show, aliases, "),
        ("[recipes.r]\nsummary = 's'", "recipes.r.backbone: it is missing."),
        (
            "[defaults]\nadapters = 'x'",
            "defaults.adapters: there is no such key; valid are backbones, ",
        ),
        ("show = 'a'", "show: it is a list, not text."),
        ("[aliases]\na = 3", "aliases.a: it is text, not int."),
        ("[plugins]\nallow = [3]", "plugins.allow: it is text, not int."),
    ],
)
def test_a_layer_that_cannot_be_used_is_named(layers: Layers, content: str, reason: str) -> None:
    layers.user.write_text(content)
    with pytest.raises(RegistryInvalid) as caught:
        layers.load()
    assert caught.value.message.startswith(f"{layers.user} cannot be used: ")
    assert reason in caught.value.message
    assert caught.value.hint == (
        f"Mend or remove {layers.user}; the format is described in docs/registry.md."
    )


def test_bytes_that_are_no_text_and_folders_are_refused_too(layers: Layers) -> None:
    layers.user.write_bytes(b"\xff\xfe")
    with pytest.raises(RegistryInvalid, match="cannot be used"):
        layers.load()
    layers.user.unlink()
    layers.user.mkdir()
    with pytest.raises(RegistryInvalid, match="Is a directory"):
        layers.load()


def test_an_account_without_a_home_has_no_user_layer(
    layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", "")
    assert layers.load().aliases["minilm"] == "nlp:minilm"


def test_an_alias_stands_for_its_backbone(layers: Layers, site: PluginSite) -> None:
    site.add("zoo-two", LISTS_TWO)
    layers.project.write_text('[aliases]\nmine = "vision:two"\n')
    assert layers.load().backbone(site.host(), "mine").spec.name == "vision:two"


def test_unknown_backbones_are_answered_with_near_aliases_and_names(
    layers: Layers, site: PluginSite
) -> None:
    site.add("zoo-two", LISTS_TWO)
    with pytest.raises(UnknownName, match=r"^Unknown backbone 'minilmm'\. Did you mean 'minilm'"):
        layers.load().backbone(site.host(), "minilmm")
    with pytest.raises(UnknownName, match=r"Did you mean 'vision:two'"):
        layers.load().backbone(site.host(), "vision:twoo")


def test_an_alias_of_nothing_says_what_it_stands_for(layers: Layers, site: PluginSite) -> None:
    site.add("zoo-two", LISTS_TWO)
    layers.project.write_text('[aliases]\nmine = "vision:tow"\n')
    with pytest.raises(UnknownName) as caught:
        layers.load().backbone(site.host(), "mine")
    assert (
        caught.value.message
        == "Unknown backbone 'vision:tow'. Did you mean 'vision:two' or 'vision:one'?"
    )
    assert caught.value.hint.startswith("The alias 'mine' stands for it in a registry.toml.")


def test_unknown_recipes_are_answered_with_near_ones(layers: Layers) -> None:
    with pytest.raises(UnknownName) as caught:
        layers.load().recipe("text")
    assert caught.value.message.startswith("Unknown recipe 'text'. Did you mean 'texts'")
    assert caught.value.hint == "`zoo recipes` lists them all."


def test_curation_chooses_what_is_shown(layers: Layers, site: PluginSite) -> None:
    site.add("zoo-two", LISTS_TWO)
    host = site.host()
    assert [p.spec.name for p in layers.load().shown(host)] == ["vision:one", "vision:two"]
    layers.project.write_text('show = ["vision:two"]\n')
    assert [p.spec.name for p in layers.load().shown(host)] == ["vision:two"]
