"""A pretrained backbone, and an open namespace of such, described."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal

from zoo.errors import InvalidSpec
from zoo.settings import Types, require_all
from zoo.specs.forms import require_import_string

Verified = Literal["weights", "architecture", "unverified"]
Fact = bool | int | float | str

_VERIFIED = ("weights", "architecture", "unverified")
_BACKBONE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*:[^\s:][^\x00-\x1f\x7f]*\Z")
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_BACKBONE_TYPES = Types(
    name=str,
    loader=str,
    modality=str,
    source=str,
    summary=str,
    license=(str, NoneType),
    params=(int, NoneType),
    feature_size=(int, NoneType),
    input_size=(tuple, NoneType),
    tags=tuple,
    facts=(dict, Mapping),
    options=(dict, Mapping),
)
_NAMESPACE_TYPES = Types(name=str, modality=str, summary=str, example=str)


@dataclass(frozen=True, kw_only=True, slots=True)
class BackboneSpec:
    """A pretrained feature extractor, described without importing it.

    Facts that nobody checked are left at ``None``, never guessed.

    Attributes:
        name: ``namespace:name``.
        loader: ``"package.module:function"``, called as ``loader(spec, weights)`` and returning
            a :class:`zoo.plugin.Backbone`; imported only when a model is built.
        modality: what goes in: ``"image"``, ``"text"``, or a plugin's own word.
        source: where the weights are: a Hub repo, ``pip:<distribution>``, or a folder; empty
            where only the loader can tell.
        summary: one line for the catalogue.
        license: SPDX identifier or Hub licence tag of the weights.
        params: number of parameters without the head.
        feature_size: length of the pooled feature vector.
        input_size: channels, height, width for images; for texts the longest input in tokens.
        tags: free words to filter by.
        verified: how the entry was checked.
        facts: what else a person decides by, shown as it is: pooling, prefix, value range, …
        options: plain data for the loader.
    """

    name: str
    loader: str
    modality: str
    source: str = ""
    summary: str = ""
    license: str | None = None
    params: int | None = None
    feature_size: int | None = None
    input_size: tuple[int, ...] | None = None
    tags: tuple[str, ...] = ()
    verified: Verified = "unverified"
    facts: Mapping[str, Fact] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_backbone_name(self.name):
            raise InvalidSpec(f"Backbone name {self.name!r} is not of the form 'namespace:name'.")
        require_import_string(self.name, self.loader)
        if not self.modality:
            raise InvalidSpec(f"{self.name}: modality is empty; say 'image' or 'text'.")
        if self.verified not in _VERIFIED:
            raise InvalidSpec(
                f"{self.name}: verified={self.verified!r} is not weights, architecture or unverified."
            )
        _BACKBONE_TYPES.require(self)
        require_all(self.name, "tags", self.tags, str)
        sizes = (self.params or 0, self.feature_size or 0, *(self.input_size or ()))
        require_all(self.name, "params, feature_size or input_size", sizes, int)
        if self.facts:
            require_all(self.name, "facts", self.facts, str)
            require_all(self.name, "facts", self.facts.values(), (bool, int, float, str))


@dataclass(frozen=True, kw_only=True, slots=True)
class NamespaceSpec:
    """An open namespace: names that are resolved when they are asked for, and never listed.

    Attributes:
        name: what stands before the colon, e.g. ``timm``.
        modality: what its backbones take; empty where they differ.
        summary: what may stand after the colon.
        example: a full name that resolves.
    """

    name: str
    example: str
    modality: str = ""
    summary: str = ""

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and _NAMESPACE.match(self.name)):
            raise InvalidSpec(
                f"Namespace {self.name!r} is not valid: lower-case letters, digits, '_' and '-' only."
            )
        _NAMESPACE_TYPES.require(self)
        if not (is_backbone_name(self.example) and self.example.startswith(f"{self.name}:")):
            raise InvalidSpec(f"{self.name}: example {self.example!r} is not one of its names.")


def is_backbone_name(name: str) -> bool:
    """Whether ``name`` is of the form ``namespace:name``."""
    return _BACKBONE_NAME.match(name) is not None
