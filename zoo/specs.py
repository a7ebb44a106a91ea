"""What plugins return: frozen, torch-free descriptions, validated at birth."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from zoo.errors import BadSetting, InvalidSpec

Verified = Literal["weights", "architecture", "unverified"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_BACKBONE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*:[^\s:][^\x00-\x1f\x7f]*\Z")
_IMPORT_STRING = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


@dataclass(frozen=True)
class Setting:
    """One option of an adapter or a task: its default, and what it may be.

    ``default`` fixes the type (bool, int, float, str, or a tuple of str). ``minimum`` and
    ``maximum`` bound numbers, ``choices`` bounds strings and the members of tuples. Bounds are
    checked before anything is allocated, so that a hostile manifest cannot ask for the moon.
    Numbers are always finite.
    """

    name: str
    default: bool | int | float | str | tuple[str, ...]
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            self.check("setting", self.default)
        except BadSetting as err:
            raise InvalidSpec(
                f"Setting {self.name!r}: its own default breaks it. {err.message}"
            ) from err

    def check(self, owner: str, value: object) -> Any:
        """Return ``value`` in the setting's own type; text is parsed, as from a command line.

        Raises:
            BadSetting: the value is of another type or outside the bounds.
        """
        try:
            parsed = self._parse(value)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise self._refusal(owner, value) from None
        members = parsed if isinstance(parsed, tuple) else (parsed,)
        if self.choices and any(member not in self.choices for member in members):
            raise self._refusal(owner, value)
        if isinstance(parsed, (int, float)) and not isinstance(parsed, bool):
            if not math.isfinite(parsed):
                raise self._refusal(owner, value)
            low = self.minimum if self.minimum is not None else float("-inf")
            high = self.maximum if self.maximum is not None else float("inf")
            if not low <= parsed <= high:
                raise self._refusal(owner, value)
        return parsed

    def _parse(self, value: Any) -> Any:
        kind: type = type(self.default)
        if kind is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "1": True, "false": False, "0": False}[str(value).lower()]
        if kind is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            if not isinstance(parts, (list, tuple)) or not all(isinstance(p, str) for p in parts):
                raise TypeError(value)
            return tuple(part.strip() for part in parts if part.strip())
        if isinstance(value, bool) or (kind is str and not isinstance(value, str)):
            raise TypeError(value)
        if kind is int and isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        return kind(value)

    def _refusal(self, owner: str, value: object) -> BadSetting:
        if self.choices:
            valid = f"one of {', '.join(self.choices)}"
        else:
            valid = {bool: "true or false", tuple: "a comma-separated list"}.get(
                type(self.default), f"of type {type(self.default).__name__}"
            )
        if self.minimum is not None:
            valid += f", at least {self.minimum:g}"
        if self.maximum is not None:
            valid += f", at most {self.maximum:g}"
        return BadSetting(
            f"{owner}: {self.name}={str(value)[:80]!r} is not valid; it is {valid}.",
            hint=f"The default is {self.default!r}. `zoo show {owner}` explains each setting.",
        )


def check_settings(
    owner: str, declared: tuple[Setting, ...], given: Mapping[str, object]
) -> dict[str, Any]:
    """Return all declared settings, the given ones checked and the others at their default.

    Raises:
        BadSetting: a name that is not declared, or a value that is not valid.
    """
    by_name = {setting.name: setting for setting in declared}
    for name in given:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, n=1)
            has = f"It has: {', '.join(by_name)}." if by_name else "It has none."
            advice = f"Did you mean {near[0]!r}?" if near else has
            raise BadSetting(
                f"{owner} has no setting {name!r}. {advice}",
                hint=f"`zoo show {owner}` lists its settings.",
            )
    return {
        name: setting.check(owner, given[name]) if name in given else setting.default
        for name, setting in by_name.items()
    }


@dataclass(frozen=True, kw_only=True)
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
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_backbone_name(self.name):
            raise InvalidSpec(f"Backbone name {self.name!r} is not of the form 'namespace:name'.")
        _require_import_string(self.name, self.loader)
        if not self.modality:
            raise InvalidSpec(f"{self.name}: modality is empty; say 'image' or 'text'.")
        if self.verified not in ("weights", "architecture", "unverified"):
            raise InvalidSpec(
                f"{self.name}: verified={self.verified!r} is not weights, architecture or unverified."
            )


@dataclass(frozen=True, kw_only=True)
class AdapterSpec:
    """What is trainable and how.

    Attributes:
        name: e.g. ``linear-probe``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Adapter`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        training: this adapter's own defaults for the training loop (names of
            :class:`zoo.training.FitConfig`), with the source cited in ``reference``.
        reference: the paper or specification it follows.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""

    def __post_init__(self) -> None:
        _require_name("Adapter", self.name)
        _require_import_string(self.name, self.loader)


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """What is predicted.

    Attributes:
        name: e.g. ``classification``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Task`, called with ``labels`` and
            the checked settings.
        modalities: which backbones it can sit on; empty means any.
        summary: one line for the catalogue.
        settings: its options.
    """

    name: str
    loader: str
    modalities: tuple[str, ...] = ()
    summary: str = ""
    settings: tuple[Setting, ...] = ()

    def __post_init__(self) -> None:
        _require_name("Task", self.name)
        _require_import_string(self.name, self.loader)


Spec = BackboneSpec | AdapterSpec | TaskSpec


def is_backbone_name(name: str) -> bool:
    """Whether ``name`` is of the form ``namespace:name``."""
    return _BACKBONE_NAME.match(name) is not None


def _require_name(kind: str, name: str) -> None:
    if not _NAME.match(name):
        raise InvalidSpec(
            f"{kind} name {name!r} is not valid: lower-case letters, digits, '.', '_' and '-' only."
        )


def _require_import_string(name: str, loader: str) -> None:
    if not _IMPORT_STRING.match(loader):
        raise InvalidSpec(
            f"{name}: loader {loader!r} is not of the form 'package.module:attribute'."
        )
