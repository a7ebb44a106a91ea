"""Curation: which backbones are shown, aliases, recipes and defaults, from ``registry.toml``.

Three layers, later ones on top: the one shipped in the wheel, the user's
(``$XDG_CONFIG_HOME/zoo/registry.toml``) and the project's (``.zoo/registry.toml`` where the command
runs). Names live here and not in the host's code.
"""

from __future__ import annotations

import functools

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo import layers
from zoo.errors import UnknownName
from zoo.host import Host, Provided
from zoo.specs import BackboneSpec


class Recipe(BaseModel):
    """A named, tested combination."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    summary: str
    backbone: str
    adapter: str
    settings: dict[str, bool | int | float | str] = Field(default_factory=dict)
    training: dict[str, bool | int | float | str] = Field(default_factory=dict)


class Defaults(BaseModel):
    """What is used where a person says nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbones: dict[str, str] = Field(default_factory=dict)  # by modality
    adapter: str = ""
    task: str = ""
    baseline_adapter: str = ""  # fitted beside every result


class PluginRules(BaseModel):
    """Which plugins may be loaded; :mod:`zoo.switches` reads and applies it, layer by layer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    disable: tuple[str, ...] = ()
    allow: tuple[str, ...] | None = None


class Registry(BaseModel):
    """The three layers merged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    show: tuple[str, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict)
    defaults: Defaults = Field(default_factory=Defaults)
    recipes: dict[str, Recipe] = Field(default_factory=dict)
    plugins: PluginRules = Field(default_factory=PluginRules)

    def recipe(self, name: str) -> Recipe:
        """The recipe called ``name``.

        Raises:
            UnknownName: there is none.
        """
        if name not in self.recipes:
            raise UnknownName("recipe", name, self.recipes)
        return self.recipes[name]

    def backbone(self, host: Host, name: str) -> Provided[BackboneSpec]:
        """The backbone that ``name``, an alias or a full name, stands for.

        Raises:
            NameClash: two plugins provide it.
            UnknownName: no plugin does; near misses are looked for among aliases too.
        """
        full = self.aliases.get(name, name)
        try:
            return host.backbone(full)
        except UnknownName as err:
            if full != name:
                hint = f"The alias {name!r} stands for it in a registry.toml. {err.hint}"
                raise UnknownName("backbone", full, _names(host), hint=hint) from None
            known = [*self.aliases, *_names(host)]
            raise UnknownName("backbone", name, known, hint=err.hint) from None

    def shown(self, host: Host) -> list[Provided[BackboneSpec]]:
        """The curated part of the catalogue; everything where nothing was curated."""
        if not self.show:
            return host.backbones
        return [p for p in host.backbones if p.spec.name in self.show]

    def under(self, above: Registry) -> Registry:
        """Both layers, ``above`` winning name by name; a recipe is replaced whole, as it was tested."""
        defaults = self.defaults.model_dump() | above.defaults.model_dump(exclude_unset=True)
        defaults["backbones"] = self.defaults.backbones | above.defaults.backbones
        return Registry(
            show=above.show if "show" in above.model_fields_set else self.show,
            aliases=self.aliases | above.aliases,
            defaults=Defaults(**defaults),
            recipes=self.recipes | above.recipes,
        )


@functools.cache
def load() -> Registry:
    """The registry in force for this process: shipped, user and project layers merged.

    Raises:
        RegistryInvalid: a layer is not TOML, or has keys or types that are not known.
    """
    merged = Registry()
    for path in layers.paths():
        try:
            layer = Registry.model_validate(layers.read(path))
        except ValidationError as err:
            raise layers.unusable(path, _first_line(err)) from err
        merged = merged.under(layer)
    return merged


def _names(host: Host) -> list[str]:
    return [p.spec.name for p in host.backbones]


def _first_line(err: ValidationError) -> str:
    first = err.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
