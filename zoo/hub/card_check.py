"""A card says nothing that the manifest beside it does not: what people and the Hub read of a model."""

from __future__ import annotations

import re
from typing import Any

from zoo.artifact.licences import SILENT, hub_licence, tag_of
from zoo.artifact.manifest import Manifest
from zoo.errors import ArtifactError
from zoo.hub.metadata import metadata

CARD = "README.md"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+\Z", re.ASCII)


def check_card(card: str, manifest: Manifest) -> None:
    """Compare the card's metadata with the manifest.

    Raises:
        ArtifactError: it is not YAML, or states another licence or base model, or none.
    """
    try:
        found = metadata(card)
    except ValueError as err:
        raise _refused(f"cannot be used: {str(err).splitlines()[0]}") from err
    _require_licence(found, manifest.license or manifest.backbone.license)
    source = manifest.backbone.source
    _require(found, "base_model", source if _HUB_ID.match(source) else None)


def _require_licence(found: dict[str, Any], licence: str | None) -> None:
    wanted = hub_licence(licence)
    stated = found.get("license")
    if wanted:
        _require(found, "license", wanted["license"])
        several = stated if isinstance(stated, list) else [stated]
        named = found.get("license_name") if "license_name" in wanted else None
        if len(several) > 1 or (named and named != licence):
            raise _refused(f"says {str(named or stated)[:80]!r}, and the model's is {licence}")
    elif stated and tag_of(str(stated)) not in SILENT:
        raise _refused(f"says license: {str(stated)[:80]!r}, and the model states none")


def _require(found: dict[str, Any], key: str, wanted: str | None) -> None:
    if wanted is None:
        return
    stated = found.get(key)
    several = stated if isinstance(stated, list) else [stated]
    if tag_of(wanted) not in [tag_of(str(each)) for each in several]:
        says = f"says {key}: {str(stated)[:80]!r}" if stated else f"has no {key}"
        raise _refused(f"{says}, and the model's is {wanted}")


def _refused(what: str) -> ArtifactError:
    return ArtifactError(
        f"The metadata at the head of {CARD} {what}; nothing was pushed.",
        hint=f"Mend the part of {CARD} between the lines of ---, or remove {CARD}: a push writes a "
        "new one.",
    )
