"""Curation: which backbones are shown, aliases, recipes and defaults, from ``registry.toml``.

Three layers, later ones on top: the one shipped in the wheel, the user's
(``$XDG_CONFIG_HOME/zoo/registry.toml``) and the project's (``.zoo/registry.toml`` where the command
runs). Names live here and not in the host's code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zoo import layers
from zoo.errors import InputError, UnknownName
from zoo.host import Host, Provided
from zoo.specs import BackboneSpec, NamespaceSpec

Scalar = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named, tested combination.

    Attributes:
        summary: what it is for and what it is.
        backbone, adapter: names.
        settings: of the adapter.
        training: options of a fit.
        chosen_for: the modality of data for which it is chosen where nothing is said.
        up_to: rows to train on of each label, on average, up to which it is chosen; 0 for any.
    """

    summary: str
    backbone: str
    adapter: str
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    training: Mapping[str, Scalar] = field(default_factory=dict)
    chosen_for: str = ""
    up_to: int = 0


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What is used where a person says nothing."""

    backbones: Mapping[str, str] = field(default_factory=dict)  # by modality
    adapter: str = ""
    task: str = ""
    baseline_adapter: str = ""  # fitted beside every result
    validator: str = ""  # chooses where a fit is for a target
    merged_adapter: str = ""  # what a merged model is opened with: all of a backbone's own weights

    def backbone_for(self, modality: str) -> str:
        """The backbone for data of that modality.

        Raises:
            InputError: there is none.
        """
        if modality not in self.backbones:
            raise InputError(
                f"There is no default backbone for {modality} data; choose one with --backbone.",
                hint=f"`zoo backbones --modality {modality}` lists those that fit.",
            )
        return self.backbones[modality]


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The three layers merged; what they say of plugins is :mod:`zoo.switches`'s to apply."""

    show: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    defaults: Defaults = field(default_factory=Defaults)
    recipes: Mapping[str, Recipe] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: Mapping[str, Any]) -> Registry:
        """The registry that tables in the form of a ``registry.toml`` describe."""
        return cls(
            show=tuple(tables.get("show", ())),
            aliases=tables.get("aliases", {}),
            defaults=Defaults(**tables.get("defaults", {})),
            recipes={name: Recipe(**parts) for name, parts in tables.get("recipes", {}).items()},
        )

    def recipe(self, name: str) -> Recipe:
        """The recipe called ``name``.

        Raises:
            UnknownName: there is none.
        """
        if name not in self.recipes:
            raise UnknownName("recipe", name, self.recipes)
        return self.recipes[name]

    def choose(self, modality: str, rows: int) -> tuple[str, Recipe] | None:
        """The recipe for data of a modality with so many rows a label, with its name."""
        fitting = [
            (recipe.up_to or math.inf, name)
            for name, recipe in self.recipes.items()
            if recipe.chosen_for == modality and rows <= (recipe.up_to or math.inf)
        ]
        if not fitting:
            return None
        _, name = min(fitting)
        return name, self.recipes[name]

    def backbone(self, host: Host, name: str) -> Provided[BackboneSpec]:
        """The backbone that ``name``, an alias or a full name, stands for.

        Raises:
            NameClash: two plugins provide it.
            UnknownName: no plugin does; near misses are looked for among aliases too.
        """
        full = self.aliases.get(name, name)
        try:
            return host.backbone(full, also=() if full != name else self.aliases)
        except UnknownName as err:
            if full != name:
                err.hint = f"The alias {name!r} stands for it in a registry.toml. {err.hint}"
            raise

    def shown(self, host: Host) -> list[Provided[BackboneSpec]]:
        """The curated part of the catalogue; everything where nothing was curated."""
        if not self.show:
            return host.backbones
        return [p for p in host.backbones if p.spec.name in self.show]

    def shown_namespaces(self, host: Host) -> list[Provided[NamespaceSpec]]:
        """The curated part of the open namespaces, which stand in ``show`` as ``namespace:*``."""
        return [p for p in host.namespaces if not self.show or f"{p.spec.name}:*" in self.show]


@functools.cache
def load() -> Registry:
    """The registry in force for this process: shipped, user and project layers merged.

    Raises:
        RegistryInvalid: a layer is not TOML, or has keys or types that are not known.
    """
    merged: dict[str, Any] = {}
    for path in layers.paths():
        merged = _laid_on(merged, layers.read(path))
    return Registry.of(merged)


def _laid_on(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both layers, ``above`` winning name by name; a recipe is replaced whole, as it was tested."""
    merged = {**below, **above}
    for key in ("aliases", "defaults", "recipes"):
        merged[key] = {**below.get(key, {}), **above.get(key, {})}
    models = [layer.get("defaults", {}).get("backbones", {}) for layer in (below, above)]
    merged["defaults"]["backbones"] = {**models[0], **models[1]}
    return merged
