"""What a manifest says of its backbone is what the backbone that was opened says of itself.

The digest tells which tensors they are; where they come from and what they take is said beside it,
and is published.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from zoo.artifact.anonymous import without_paths
from zoo.artifact.files import shown
from zoo.artifact.licences import tag_of
from zoo.artifact.manifest import MANIFEST, BackboneEntry
from zoo.errors import BackboneMisstated, LicenceConflict
from zoo.model import Backbone

_PIP = "pip:"
_VERSION = re.compile(r"\d[\w.+!-]*", re.ASCII)
_SHORTENED = "max_length"  # of which an adapter may need a part for itself
_OF_FILES = "_sha256"  # of what preprocessing reads: another spelling of it can do the same


def require_stated(entry: BackboneEntry, backbone: Backbone) -> None:
    """Compare source, commit, contract and preprocessing.

    What only one of the two states is no contradiction: other versions of a plugin state more.

    Raises:
        BackboneMisstated: they differ; both values are named.
    """
    for what, stated, found in _compared(entry, backbone):
        if stated != found:
            raise BackboneMisstated(
                f"{MANIFEST} says that the {what} of the backbone {shown(entry.name)} is "
                f"{shown(json.dumps(stated))}, and that of the one opened is "
                f"{shown(json.dumps(found))}.",
                hint=f"It was edited, or {shown(entry.provider)}, with which it was saved, had "
                "another.",
            )


def require_licence(entry: BackboneEntry, backbone: Backbone) -> None:
    """Compare the licence. On opening it may differ: a plugin may have had to correct it.

    Raises:
        LicenceConflict: they differ; both are named.
    """
    stated, found = entry.license, backbone.license
    if stated and found and tag_of(stated) != tag_of(found):
        raise LicenceConflict(
            f"{MANIFEST} says that the backbone {shown(entry.name)} is under {shown(stated)}, and "
            f"the one opened is under {shown(found)}.",
            hint="Save the model again, so that it states the licence that its backbone has now.",
        )


def _compared(entry: BackboneEntry, backbone: Backbone) -> Iterator[tuple[str, Any, Any]]:
    source = _source(entry, backbone)
    if source is not None:
        yield "source", entry.source, source
    commit = backbone.origin.commit
    if entry.source.startswith(_PIP):
        # Another version of a distribution may bring the same tensors; a version it must be.
        if entry.commit is not None and not _VERSION.fullmatch(entry.commit):
            yield "commit", entry.commit, commit
    elif entry.commit is not None and commit is not None:
        yield "commit", entry.commit, commit
    for what, said, own in (
        ("contract", dict(entry.contract), backbone.contract.describe()),
        ("preprocessing", entry.preprocessing, backbone.preprocess.describe()),
    ):
        plain = json.loads(json.dumps(without_paths(own)))
        for key in sorted(said.keys() & plain.keys()):
            if not key.endswith(_OF_FILES) and key != _SHORTENED:
                yield f"{what}.{shown(key)}", said[key], plain[key]


def _source(entry: BackboneEntry, backbone: Backbone) -> str | None:
    """Where the weights are from as far as the backbone can tell; a copy of them cannot."""
    known = backbone.origin.source or (entry.source and backbone.spec.source)
    if known:
        return str(without_paths(known))
    return "" if entry.name.partition(":")[2].startswith("./") else None
