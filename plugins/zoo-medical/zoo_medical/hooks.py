"""What zoo-medical provides. No torch: the loaders are imported when a model is built."""

from __future__ import annotations

import json
from pathlib import Path

from zoo.plugin import BackboneSpec, CommandSpec, hookimpl

LOADERS = {"image": "zoo_medical.image_encoder:load", "text": "zoo_nlp.encoder:load"}
CATALOGUE = Path(__file__).with_name("catalogue.json")


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    """The listed encoders, with the facts that ``measure.py`` wrote."""
    entries = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return [
        BackboneSpec(
            **entry | {"input_size": tuple(entry["input_size"]), "tags": tuple(entry["tags"])},
            loader=LOADERS[entry["modality"]],
        )
        for entry in entries
    ]


@hookimpl
def zoo_commands() -> list[CommandSpec]:
    """``zoo window``."""
    return [
        CommandSpec(
            name="window",
            loader="zoo_medical.command:window",
            summary="Write DICOM, NIfTI and 16-bit scans as images of 8 bits.",
        )
    ]
