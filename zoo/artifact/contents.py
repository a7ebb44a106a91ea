"""Which files an artifact of a composed model has: the same answer for saving and for loading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zoo.artifact.manifest import MANIFEST
from zoo.artifact.probe import PROBE
from zoo.errors import PluginError
from zoo.model import ComposedModel

HEADS = "heads.safetensors"
CARD = "README.md"
ASSETS = "assets"
PEFT_CONFIG = "adapter_config.json"

_RESERVED = (MANIFEST, PROBE, HEADS)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")


@dataclass(frozen=True)
class Contents:
    """Live tensors and configurations, by file name."""

    tensors: Mapping[str, Mapping[str, Tensor]]
    configs: Mapping[str, Mapping[str, Any]]

    @property
    def names(self) -> set[str]:
        """Every file that the manifest lists."""
        return {*self.tensors, *self.configs, PROBE}


def contents(model: ComposedModel) -> Contents:
    """The files of ``model``: its adapter's own, and ``heads.safetensors`` unless they hold heads.

    Raises:
        PluginError: the adapter asks for files an artifact cannot have.
    """
    layout = model.adapter.layout(model.backbone, dict(model.heads.items()), model.native_head)
    _require_possible(model, layout.tensors, ".safetensors")
    _require_possible(model, layout.configs, ".json")
    if PEFT_CONFIG in layout.configs and "config.json" in layout.configs:
        raise _refused(model, f"both {PEFT_CONFIG} and config.json: libraries would misread it")
    tensors = dict(layout.tensors)
    if not layout.holds_heads:
        tensors[HEADS] = model.heads_layout()
    return Contents(tensors, dict(layout.configs))


def _require_possible(model: ComposedModel, files: Mapping[str, Any], suffix: str) -> None:
    for name in files:
        if name in _RESERVED or not name.endswith(suffix) or not _NAME.match(name):
            raise _refused(model, f"a file {name!r}, which is no free name ending in {suffix}")


def _refused(model: ComposedModel, what: str) -> PluginError:
    return PluginError(f"The adapter {model.adapter.spec.name!r} asks an artifact to have {what}.")
