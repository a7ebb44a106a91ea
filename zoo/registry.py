"""Curation: which backbones are shown, aliases, recipes and defaults, from ``registry.toml``.

Three layers, later ones on top: the one shipped in the wheel, the user's
(``$XDG_CONFIG_HOME/zoo/registry.toml``) and the project's (``.zoo/registry.toml`` where the command
runs). Names live here and not in the host's code.
"""

from __future__ import annotations

import functools
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import RegistryInvalid, UnknownName
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


class Registry(BaseModel):
    """The three layers merged."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    show: tuple[str, ...] = ()
    aliases: dict[str, str] = Field(default_factory=dict)
    defaults: Defaults = Field(default_factory=Defaults)
    recipes: dict[str, Recipe] = Field(default_factory=dict)

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
        try:
            return host.backbone(self.aliases.get(name, name))
        except UnknownName as err:
            known = [p.spec.name for p in host.backbones]
            raise UnknownName("backbone", name, [*self.aliases, *known], hint=err.hint) from None

    def shown(self, host: Host) -> list[Provided[BackboneSpec]]:
        """The curated part of the catalogue; everything where nothing was curated."""
        if not self.show:
            return host.backbones
        return [p for p in host.backbones if p.spec.name in self.show]


@functools.cache
def load() -> Registry:
    """The registry in force for this process: shipped, user and project layers merged.

    Raises:
        RegistryInvalid: a layer is not TOML, or has keys or types that are not known.
    """
    merged: dict[str, Any] = {}
    for path in _layers():
        try:
            layer = tomllib.loads(path.read_text(encoding="utf-8"))
            Registry.model_validate(layer)
        except (tomllib.TOMLDecodeError, ValidationError, UnicodeDecodeError) as err:
            raise RegistryInvalid(
                f"{path} cannot be used: {_first_line(err)}",
                hint=f"Mend or remove {path}; the format is described in docs/registry.md.",
            ) from err
        merged = _merge(merged, layer)
    return Registry.model_validate(merged)


def _layers() -> Iterator[Path]:
    package = Path(__file__).parent
    # An editable install has the file at the root of the checkout instead.
    for shipped in (package / "registry.toml", package.parent / "registry.toml"):
        if shipped.is_file():
            yield shipped
            break
    config_home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    for path in (Path(config_home) / "zoo" / "registry.toml", Path(".zoo") / "registry.toml"):
        if path.is_file():
            yield path


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both_tables else value
    return merged


def _first_line(err: Exception) -> str:
    if isinstance(err, ValidationError):
        first = err.errors()[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    return str(err).splitlines()[0]
