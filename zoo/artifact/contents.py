"""Which files an artifact of a composed model has: the same answer for saving and for loading."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from zoo.artifact.manifest import MANIFEST
from zoo.artifact.probe import PROBE
from zoo.errors import PluginError
from zoo.model import ComposedModel, NativeModel

HEADS = "heads.safetensors"
CARD = "README.md"
ASSETS = "assets"
PEFT_CONFIG = "adapter_config.json"
CONFIG, WEIGHTS = "config.json", "model.safetensors"  # a whole model in its library's layout
CHANGED = "backbone.safetensors"  # what training changed, where no library has a layout for it

_RESERVED = (MANIFEST, PROBE, HEADS, CHANGED)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}\Z")


@dataclass(frozen=True)
class Contents:
    """Live tensors and configurations, by file name.

    Attributes:
        companions: files that only the base library reads, such as a tokenizer beside a whole model.
    """

    tensors: Mapping[str, Mapping[str, Tensor]]
    configs: Mapping[str, Mapping[str, Any]]
    companions: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """Every file that loading reads."""
        return {*self.tensors, *self.configs, PROBE}


def contents(model: ComposedModel) -> Contents:
    """The files of ``model``: its adapter's own, changed weights, heads where neither holds them.

    Raises:
        PluginError: the adapter asks for files an artifact cannot have.
    """
    layout = model.adapter.layout(model.backbone, dict(model.heads.items()), model.native_head)
    _require_possible(model, layout.tensors, ".safetensors")
    _require_possible(model, layout.configs, ".json")
    tensors, configs = dict(layout.tensors), dict(layout.configs)
    holds_heads = layout.holds_heads or bool(model.language)  # heads of their own have no weights
    native = native_model(model) if layout.changed else None
    if native is not None:
        configs[CONFIG] = native.config
        tensors[WEIGHTS] = _whole(model, native)
        holds_heads = holds_heads or model.native_head is not None
    elif layout.changed:
        own = model.backbone.module.state_dict()
        tensors[CHANGED] = {name: own[name] for name in layout.changed}
    if PEFT_CONFIG in configs and CONFIG in configs:
        raise _refused(model, f"both {PEFT_CONFIG} and {CONFIG}: libraries would misread it")
    if not holds_heads:
        tensors[HEADS] = model.heads_layout()
    return Contents(tensors, configs, model.backbone.companions() if native is not None else {})


def native_model(model: ComposedModel) -> NativeModel | None:
    """The base library's own layout for ``model``, head included where it has a place for it."""
    return model.backbone.native_model(model.task.labels if model.native_head else ())


def _whole(model: ComposedModel, native: NativeModel) -> dict[str, Tensor]:
    # Of tied parameters, one under several names, the library makes the others again.
    first: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in model.backbone.module.state_dict(keep_vars=True).items():
        first.setdefault(id(tensor), (native.prefix + name, tensor.detach()))
    return dict(first.values()) | (model.heads_layout() if model.native_head else {})


def _require_possible(model: ComposedModel, files: Mapping[str, Any], suffix: str) -> None:
    for name in files:
        if name in _RESERVED or not name.endswith(suffix) or not _NAME.match(name):
            raise _refused(model, f"a file {name!r}, which is no free name ending in {suffix}")


def _refused(model: ComposedModel, what: str) -> PluginError:
    return PluginError(f"The adapter {model.adapter.spec.name!r} asks an artifact to have {what}.")
