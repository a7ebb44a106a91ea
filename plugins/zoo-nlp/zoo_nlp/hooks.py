"""What zoo-nlp provides: the open namespace ``hf:``, transformers encoders by repo or by folder."""

from __future__ import annotations

import re

from zoo.plugin import BackboneSpec, NamespaceSpec, hookimpl

_LOADER = "zoo_nlp.encoder:load"
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?\Z")
_FOLDER = re.compile(r"(~?/|\.{1,2}(/|\Z))")


@hookimpl
def zoo_namespaces() -> list[NamespaceSpec]:
    """``hf:``."""
    return [
        NamespaceSpec(
            name="hf",
            modality="text",
            summary="a transformers encoder, by Hub repo or local folder",
            example="hf:google-bert/bert-base-uncased",
        )
    ]


@hookimpl
def zoo_resolve_backbone(name: str) -> BackboneSpec | None:
    """``hf:org/repo``, ``hf:./folder`` or ``hf:/a/folder``."""
    namespace, _, place = name.partition(":")
    if namespace != "hf":
        return None
    if _FOLDER.match(place):
        return BackboneSpec(name=name, loader=_LOADER, modality="text", options={"folder": place})
    if _REPO.match(place):
        return BackboneSpec(name=name, loader=_LOADER, modality="text", source=place)
    return None
