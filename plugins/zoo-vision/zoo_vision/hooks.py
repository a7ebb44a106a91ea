"""What zoo-vision provides. No torch and no timm: they are imported when a model is built."""

from __future__ import annotations

import json
from pathlib import Path

from zoo.plugin import BackboneSpec, NamespaceSpec, hookimpl

LOADER = "zoo_vision.timm_backbone:load"
CATALOGUE = Path(__file__).with_name("catalogue.json")


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    """The listed timm models, with the facts that ``measure.py`` wrote."""
    entries = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return [
        BackboneSpec(
            name=entry["name"],
            loader=LOADER,
            modality="image",
            source=entry["source"],
            summary=entry["summary"],
            license=entry["license"],
            params=entry["params"],
            feature_size=entry["feature_size"],
            input_size=tuple(entry["input_size"]),
            tags=tuple(entry["tags"]),
            verified=entry["verified"],
            options={"timm": entry["timm"]},
        )
        for entry in entries
    ]


@hookimpl
def zoo_namespaces() -> list[NamespaceSpec]:
    """``timm:``."""
    return [
        NamespaceSpec(
            name="timm",
            modality="image",
            summary="anything timm.create_model takes, or a local folder",
            example="timm:resnet50.a1_in1k",
        )
    ]


@hookimpl
def zoo_resolve_backbone(name: str) -> BackboneSpec | None:
    """``timm:`` and anything ``timm.create_model`` takes."""
    namespace, _, rest = name.partition(":")
    if namespace != "timm" or not rest.strip(" :"):
        return None
    return BackboneSpec(name=name, loader=LOADER, modality="image")
