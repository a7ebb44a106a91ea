"""What can be composed: the lists behind ``zoo.backbones()`` and its kin. No torch."""

from __future__ import annotations

from zoo import registry
from zoo.host import installed
from zoo.registry import Recipe
from zoo.specs import AdapterSpec, AlignmentSpec, BackboneSpec, RankerSpec, TaskSpec, ValidatorSpec


def backbones(*, modality: str | None = None, everything: bool = False) -> list[BackboneSpec]:
    """Backbones that plugins list; open namespaces resolve many more by name.

    Args:
        modality: only those that take ``"image"``, ``"text"``, …
        everything: also those that the registry does not show by default.
    """
    host = installed()
    listed = host.backbones if everything else registry.load().shown(host)
    return [p.spec for p in listed if modality in (None, p.spec.modality)]


def adapters() -> list[AdapterSpec]:
    """All adapters."""
    return [p.spec for p in installed().adapters]


def tasks() -> list[TaskSpec]:
    """All tasks."""
    return [p.spec for p in installed().tasks]


def rankers() -> list[RankerSpec]:
    """All rankers."""
    return [p.spec for p in installed().rankers]


def alignments() -> list[AlignmentSpec]:
    """All alignments."""
    return [p.spec for p in installed().alignments]


def validators() -> list[ValidatorSpec]:
    """All validators."""
    return [p.spec for p in installed().validators]


def recipes() -> dict[str, Recipe]:
    """All recipes, by name."""
    return dict(registry.load().recipes)
