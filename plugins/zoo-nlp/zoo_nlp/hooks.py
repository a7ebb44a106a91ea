"""What zoo-nlp provides: listed encoders, and ``hf:`` for any by repo or by folder. No torch."""

from __future__ import annotations

import json
import re
from pathlib import Path

from zoo.plugin import BackboneSpec, NamespaceSpec, hookimpl

LOADER = "zoo_nlp.encoder:load"
VECTORS = "zoo_nlp.word_vectors:load"
CATALOGUE = Path(__file__).with_name("catalogue.json")
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?\Z")
_FOLDER = re.compile(r"(~?/|\.{1,2}(/|\Z))")


@hookimpl
def zoo_backbones() -> list[BackboneSpec]:
    """The listed encoders, with the facts that ``measure.py`` wrote."""
    entries = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    return [
        BackboneSpec(
            **entry | {"input_size": tuple(entry["input_size"]), "tags": tuple(entry["tags"])},
            loader=LOADER,
            modality="text",
        )
        for entry in entries
    ]


@hookimpl
def zoo_namespaces() -> list[NamespaceSpec]:
    """``hf:`` and ``vectors:``."""
    return [
        NamespaceSpec(
            name="hf",
            modality="text",
            summary="a transformers encoder, by Hub repo or local folder",
            example="hf:google-bert/bert-base-uncased",
        ),
        NamespaceSpec(
            name="vectors",
            modality="text",
            summary="word vectors from a file of word2vec or GloVe",
            example="vectors:./glove.6B.100d.txt",
        ),
    ]


@hookimpl
def zoo_resolve_backbone(name: str) -> BackboneSpec | None:
    """``hf:org/repo``, ``hf:./folder``, ``hf:/a/folder``, or ``vectors:FILE``."""
    namespace, _, place = name.partition(":")
    if namespace == "vectors" and place.strip():
        return BackboneSpec(
            name=name, loader=VECTORS, modality="text", tags=("words",), options={"file": place}
        )
    if namespace != "hf":
        return None
    if _FOLDER.match(place):
        return BackboneSpec(name=name, loader=LOADER, modality="text", options={"folder": place})
    if _REPO.match(place):
        return BackboneSpec(name=name, loader=LOADER, modality="text", source=place)
    return None
