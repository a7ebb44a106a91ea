"""Specs, recipes and plugins as plain data, for ``--json`` and for ``zoo show``. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.host import PluginRecord, Provided
    from zoo.registry import Recipe
    from zoo.settings import Setting
    from zoo.specs import (
        AdapterSpec,
        AlignmentSpec,
        BackboneSpec,
        NamespaceSpec,
        RankerSpec,
        TaskSpec,
        ValidatorSpec,
    )


def backbone(provided: Provided[BackboneSpec]) -> dict[str, Any]:
    """A backbone's facts; ``None`` is a fact that nobody checked."""
    from zoo import registry

    spec = provided.spec
    aliases = registry.load().aliases
    return {
        "name": spec.name,
        "modality": spec.modality,
        "summary": spec.summary,
        "source": spec.source,
        "license": spec.license,
        "params": spec.params,
        "feature_size": spec.feature_size,
        "input_size": list(spec.input_size) if spec.input_size else None,
        "tags": list(spec.tags),
        "verified": spec.verified,
        "facts": dict(spec.facts),
        "open": False,
        "aliases": [alias for alias, name in aliases.items() if name == spec.name],
        "plugin": _owner(provided.plugin),
    }


def namespace(provided: Provided[NamespaceSpec]) -> dict[str, Any]:
    """An open namespace in the form of a backbone's facts, all that are not known ``None``."""
    spec = provided.spec
    facts = dict.fromkeys(("source", "license", "params", "feature_size", "input_size"))
    return {
        "name": f"{spec.name}:*",
        "modality": spec.modality or None,
        "summary": f"{spec.summary}, e.g. {spec.example}".removeprefix(", "),
        **facts,
        "tags": [],
        "verified": None,
        "facts": {},
        "open": True,
        "aliases": [],
        "plugin": _owner(provided.plugin),
    }


def adapter(provided: Provided[AdapterSpec]) -> dict[str, Any]:
    """An adapter's facts and settings."""
    spec = provided.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "training": dict(spec.training),
        "settings": [setting(s) for s in spec.settings],
        "plugin": _owner(provided.plugin),
    }


def task(provided: Provided[TaskSpec]) -> dict[str, Any]:
    """A task's facts and settings."""
    spec = provided.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "modalities": list(spec.modalities),
        "settings": [setting(s) for s in spec.settings],
        "plugin": _owner(provided.plugin),
    }


def ranker(provided: Provided[RankerSpec] | Provided[ValidatorSpec]) -> dict[str, Any]:
    """The facts and settings of a ranker, or of a validator."""
    spec = provided.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "settings": [setting(s) for s in spec.settings],
        "plugin": _owner(provided.plugin),
    }


def alignment(provided: Provided[AlignmentSpec]) -> dict[str, Any]:
    """An alignment's facts, settings and candidates."""
    spec = provided.spec
    return {
        "name": spec.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "settings": [setting(s) for s in spec.settings],
        "tries": [dict(each) for each in spec.tries],
        "training": dict(spec.training),
        "plugin": _owner(provided.plugin),
    }


def setting(declared: Setting) -> dict[str, Any]:
    """One setting: its default and what it may be."""
    default = declared.default
    return {
        "name": declared.name,
        "default": list(default) if isinstance(default, tuple) else default,
        "minimum": declared.minimum,
        "maximum": declared.maximum,
        "choices": list(declared.choices),
        "help": declared.help,
    }


def bounds(described: Mapping[str, Any]) -> str:
    """What a setting may be, in words: ``1 … 1024``, ``none | balanced``, ``true | false``."""
    if described["choices"]:
        several = isinstance(described["default"], list)
        return (", " if several else " | ").join(described["choices"])
    if isinstance(described["default"], bool):
        return "true | false"
    low, high = described["minimum"], described["maximum"]
    if low is None and high is None:
        return ""
    return f"{'' if low is None else f'{low:g}'} … {'' if high is None else f'{high:g}'}".strip()


def recipe(name: str, described: Recipe) -> dict[str, Any]:
    """A recipe's parts."""
    return {"name": name, **asdict(described)}


def plugin(record: PluginRecord) -> dict[str, Any]:
    """A plugin: where it comes from, whether it works, what it provides."""
    return {
        "name": record.name,
        "distribution": record.distribution,
        "version": record.version,
        "status": record.status,
        "reason": record.reason,
        "remedy": record.remedy,
        "warnings": list(record.warnings),
        "provides": list(record.provides),
        "load_seconds": round(record.load_seconds, 4),
    }


def backbone_named(name: str) -> Provided[BackboneSpec]:
    """The backbone of that name or alias; raises as :meth:`zoo.registry.Registry.backbone`."""
    from zoo import registry
    from zoo.host import installed

    return registry.load().backbone(installed(), name)


def modality_of(name: str) -> str | None:
    """What a backbone takes; ``None`` where no plugin, or more than one, provides it."""
    from zoo.errors import InputError

    try:
        return backbone_named(name).spec.modality
    except InputError:
        return None


def _owner(record: PluginRecord) -> str:
    return f"{record.distribution} {record.version}"
