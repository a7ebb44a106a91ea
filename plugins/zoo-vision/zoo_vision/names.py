"""What may follow ``timm:``; no torch, no timm."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class TimmName:
    """A name as timm understands it.

    Attributes:
        kind: ``registry`` (a model timm knows by itself), ``hub`` (a repo with a ``config.json``)
            or ``folder`` (likewise, on this machine).
        name: ``arch`` or ``arch.tag``, ``owner/repo``, or a path.
        revision: branch, tag or commit of a repo.
    """

    kind: Literal["registry", "hub", "folder"]
    name: str
    revision: str | None = None

    @property
    def folder(self) -> Path:
        """The path of a folder."""
        return Path(self.name).expanduser()


def parse(name: str) -> TimmName:
    """Read what follows ``timm:``.

    >>> parse("resnet18.a1_in1k").kind
    'registry'
    >>> parse("hf-hub:timm/resnet18.a1_in1k@v1").revision
    'v1'
    >>> parse("./resnet18").kind
    'folder'
    """
    for prefix in ("hf-hub:", "hf_hub:"):
        if name.startswith(prefix):
            repo, _, revision = name.removeprefix(prefix).partition("@")
            return TimmName("hub", repo, revision or None)
    if name.startswith("local-dir:"):
        return TimmName("folder", name.removeprefix("local-dir:"))
    if name.startswith((".", "~")) or os.path.isabs(name):
        return TimmName("folder", name)
    return TimmName("registry", name)
