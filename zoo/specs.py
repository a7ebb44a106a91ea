"""What plugins return: frozen, torch-free descriptions, validated at birth."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal

from zoo.errors import BadSetting, Incompatible, InvalidSpec
from zoo.settings import Setting, Types, check_settings, require_all

Verified = Literal["weights", "architecture", "unverified"]
Fact = bool | int | float | str
_LANGUAGES = ("", "masked", "causal", "seq2seq")
_VERIFIED = ("weights", "architecture", "unverified")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_ADAPTER_NAME = re.compile(r"([a-z0-9][a-z0-9_-]*:)?[a-z0-9][a-z0-9._-]*\Z")
_BACKBONE_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*:[^\s:][^\x00-\x1f\x7f]*\Z")
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")
_WORD = re.compile(r"[a-z][a-z0-9-]*\Z")
_IMPORT_STRING = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


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
        _require_import_string(self.name, self.loader)
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
        language: whether it can train a backbone that keeps its own language head.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    language: bool = True

    def __post_init__(self) -> None:
        _require_name("Adapter", self.name)
        _require_import_string(self.name, self.loader)
        _ADAPTER_TYPES.require(self)
        require_all(self.name, "settings", self.settings, Setting)
        require_all(self.name, "training", self.training, str)
        require_all(self.name, "training", self.training.values(), (bool, int, float, str))


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """What is predicted.

    Attributes:
        name: e.g. ``classification``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Task`, called with ``labels`` and
            the checked settings.
        modalities: which backbones it can sit on; empty means any.
        summary: one line for the catalogue.
        settings: its options.
        labelling: ``"package.module:Class"``, a :class:`zoo.plugin.Labelling`: what the task makes
            of the labels that data gives, called with the checked settings. It is imported before
            torch is, so its module must not need torch. Empty: one class a row.
        language: the kind of the backbone's own language head that it uses, ``masked``, ``causal`` or
            ``seq2seq``; empty: it has a head of its own.
    """

    name: str
    loader: str
    modalities: tuple[str, ...] = ()
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    labelling: str = ""
    language: str = ""

    def __post_init__(self) -> None:
        _require_name("Task", self.name)
        _require_import_string(self.name, self.loader)
        _TASK_TYPES.require(self)
        if self.labelling:
            _require_import_string(self.name, self.labelling)
        if self.language not in _LANGUAGES:
            raise InvalidSpec(
                f"{self.name}: language={self.language!r} is not {', '.join(_LANGUAGES[1:])} or empty."
            )
        require_all(self.name, "modalities", self.modalities, str)
        require_all(self.name, "settings", self.settings, Setting)


@dataclass(frozen=True, kw_only=True, slots=True)
class RankerSpec:
    """An estimate of how well a backbone will transfer, from its frozen features.

    Attributes:
        name: e.g. ``logme``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Ranker`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        reference: the paper it follows.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        _require_name("Ranker", self.name)
        _require_import_string(self.name, self.loader)
        _RANKER_TYPES.require(self)
        require_all(self.name, "settings", self.settings, Setting)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlignmentSpec:
    """A domain-adaptation term that is added to the loss.

    Attributes:
        name: e.g. ``coral``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Alignment`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        tries: settings of the candidates that a fit chooses among, in the order they are tried;
            empty tries the defaults alone.
        training: its own defaults for the training loop (names of
            :class:`zoo.training.FitConfig`), above the adapter's.
        reference: the paper it follows.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    tries: tuple[Mapping[str, Any], ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""

    def __post_init__(self) -> None:
        _ALIGNMENT_TYPES.require(self)
        _require_name("Alignment", self.name)
        _require_import_string(self.name, self.loader)
        require_all(self.name, "settings", self.settings, Setting)
        require_all(self.name, "training", self.training, str)
        require_all(self.name, "training", self.training.values(), (bool, int, float, str))
        require_all(self.name, "tries", self.tries, (dict, Mapping))
        try:
            for each in self.tries:
                check_settings(self.name, self.settings, each)
        except BadSetting as err:
            raise InvalidSpec(f"{self.name}: tries do not fit its settings. {err.message}") from err


@dataclass(frozen=True, kw_only=True, slots=True)
class ValidatorSpec:
    """A judge of models on a target domain that needs none of its labels.

    Attributes:
        name: e.g. ``infomax``.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Validator`, called with the checked
            settings.
        summary: one line for the catalogue.
        settings: its options.
        reference: the paper it follows.
    """

    name: str
    loader: str
    summary: str = ""
    settings: tuple[Setting, ...] = ()
    reference: str = ""

    def __post_init__(self) -> None:
        _RANKER_TYPES.require(self)
        _require_name("Validator", self.name)
        _require_import_string(self.name, self.loader)
        require_all(self.name, "settings", self.settings, Setting)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallbackSpec:
    """What is told how a fit goes, e.g. a logger.

    Attributes:
        name: e.g. ``tensorboard``; its folder in a run is called so.
        loader: ``"package.module:Class"``, a :class:`zoo.plugin.Callback`, called without arguments.
        summary: one line for people.
    """

    name: str
    loader: str
    summary: str = ""

    def __post_init__(self) -> None:
        _require_word("Callback", self.name)
        _require_import_string(self.name, self.loader)
        _CALLBACK_TYPES.require(self)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandSpec:
    """A command of the command line.

    Attributes:
        name: what is typed after ``zoo``; never the name of one that zoo has.
        loader: ``"package.module:attribute"``, a function as typer takes it, or a ``typer.Typer``
            with commands of its own; imported only when the command is typed.
        summary: one line for ``zoo --help``.
    """

    name: str
    loader: str
    summary: str = ""

    def __post_init__(self) -> None:
        _require_word("Command", self.name)
        _require_import_string(self.name, self.loader)
        _COMMAND_TYPES.require(self)


Spec = (
    BackboneSpec
    | AdapterSpec
    | TaskSpec
    | RankerSpec
    | AlignmentSpec
    | ValidatorSpec
    | CallbackSpec
    | NamespaceSpec
    | CommandSpec
)

# What is printed and written to JSON must be of its type, or one spec would break every listing.
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
_ADAPTER_TYPES = Types(
    name=str,
    loader=str,
    summary=str,
    settings=tuple,
    training=(dict, Mapping),
    reference=str,
    language=bool,
)
_TASK_TYPES = Types(
    name=str, loader=str, modalities=tuple, summary=str, settings=tuple, labelling=str, language=str
)
_RANKER_TYPES = Types(name=str, loader=str, summary=str, settings=tuple, reference=str)
_ALIGNMENT_TYPES = Types(
    name=str,
    loader=str,
    summary=str,
    settings=tuple,
    tries=tuple,
    training=(dict, Mapping),
    reference=str,
)
_CALLBACK_TYPES = Types(name=str, loader=str, summary=str)
_NAMESPACE_TYPES = Types(name=str, modality=str, summary=str, example=str)
_COMMAND_TYPES = Types(name=str, loader=str, summary=str)


def is_backbone_name(name: str) -> bool:
    """Whether ``name`` is of the form ``namespace:name``."""
    return _BACKBONE_NAME.match(name) is not None


def misfit(task: TaskSpec, adapter: AdapterSpec) -> str:
    """Why this adapter cannot train this task on any backbone; empty where it can on some."""
    if task.language and not adapter.language:
        return (
            f"{task.name} uses the language head that the backbone was trained with; "
            f"{adapter.name} trains a backbone without one."
        )
    return ""


def works_on(task: TaskSpec, modality: str, backbone: str) -> None:
    """Refuse a backbone of a modality that the task does not take.

    Raises:
        Incompatible: it does not.
    """
    if task.modalities and modality not in task.modalities:
        raise Incompatible(
            f"{task.name} works on {' and '.join(task.modalities)}; {backbone} takes {modality}.",
            hint="`zoo tasks` lists what each task works on.",
        )


def _require_name(kind: str, name: str) -> None:
    # A family of adapters may share a namespace, e.g. peft:ia3; each of them is listed.
    if not (_ADAPTER_NAME if kind == "Adapter" else _NAME).match(name):
        raise InvalidSpec(
            f"{kind} name {name!r} is not valid: lower-case letters, digits, '.', '_' and '-' only."
        )


def _require_word(kind: str, name: str) -> None:
    if not (isinstance(name, str) and _WORD.match(name)):
        raise InvalidSpec(
            f"{kind} name {name!r} is not valid: lower-case letters, digits and '-' only."
        )


@functools.lru_cache(maxsize=256)
def _is_import_string(text: str) -> bool:
    return _IMPORT_STRING.match(text) is not None  # of a whole catalogue usually the same one


def _require_import_string(name: str, loader: str) -> None:
    if not _is_import_string(loader):
        raise InvalidSpec(
            f"{name}: loader {loader!r} is not of the form 'package.module:attribute'."
        )


__all__ = [
    "AdapterSpec",
    "AlignmentSpec",
    "BackboneSpec",
    "CallbackSpec",
    "CommandSpec",
    "NamespaceSpec",
    "RankerSpec",
    "Setting",
    "Spec",
    "TaskSpec",
    "ValidatorSpec",
    "check_settings",
    "is_backbone_name",
    "misfit",
    "works_on",
]
