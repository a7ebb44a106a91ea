"""``config.json`` of a timm repo: what it may say, checked before anything is built from it."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
from timm.models import build_model_with_cfg, is_model, model_entrypoint
from torch import nn

from zoo.plugin import UnknownName, WeightsInvalid

CONFIG = "config.json"
_WORD = re.compile(r"[A-Za-z0-9_-]{0,60}", re.ASCII)  # the name of a layer or a mode, never a path
_MAX_BYTES = 16 * 1024 * 1024
_MAX_NUMBER = 100_000  # of classes, channels, pixels: checked before anything is allocated

# Arguments of timm's factories choose files, formats and strictness; a config may only choose
# among architectures, with the arguments of the model's own classes and plain values.
_NOT_FOR_CONFIGS = {
    *inspect.signature(timm.create_model).parameters,
    *inspect.signature(build_model_with_cfg).parameters,
    *("device", "dtype", "feature_cls", "features_only", "out_indices", "pruned"),
}


@dataclass(frozen=True)
class TimmConfig:
    """What identifies the model that a folder describes."""

    architecture: str
    tag: str | None
    model_args: dict[str, Any]


def read_config(folder: Path) -> TimmConfig:
    """Read and check ``folder/config.json``.

    Raises:
        WeightsInvalid: it is not a configuration of timm's, or asks for more than an architecture.
        UnknownName: the installed timm has no such architecture.
    """
    path = folder / CONFIG
    config = _read_object(path)
    architecture = config.get("architecture")
    if not isinstance(architecture, str):
        raise WeightsInvalid(
            f"{path} is not a timm configuration: it names no architecture.",
            hint="For a transformers model use `hf:` in place of `timm:`.",
        )
    if not is_model(architecture):
        raise unknown_name(architecture)
    model_args = config.get("model_args") or {}
    pretrained_cfg = config.get("pretrained_cfg") or config
    if not isinstance(model_args, dict) or not isinstance(pretrained_cfg, dict):
        raise WeightsInvalid(f"{path}: model_args and pretrained_cfg are not both objects.")
    allowed = _arguments(architecture)
    forbidden = sorted(k for k, v in model_args.items() if k not in allowed or not _is_plain(v))
    if forbidden:
        raise WeightsInvalid(f"{path}: model_args may not set {', '.join(forbidden)}.")
    sizes = [config.get("num_classes"), pretrained_cfg.get("num_classes"), model_args]
    for number in _numbers([*sizes, pretrained_cfg.get("input_size")]):
        if abs(number) > _MAX_NUMBER:
            raise WeightsInvalid(
                f"{path} asks for {number:g} of something; {_MAX_NUMBER} is the most."
            )
    tag = pretrained_cfg.get("tag")
    return TimmConfig(architecture, tag if isinstance(tag, str) else None, model_args)


def unknown_name(name: str) -> UnknownName:
    """The error for a model that the installed timm does not know."""
    if "/" in name:  # no model's name; a repo's or a path without what marks it as one
        known = [f"timm:hf-hub:{name}", f"timm:./{name}"]
    else:
        known = [f"timm:{known}" for known in (*timm.list_models(), *timm.list_pretrained())]
    return UnknownName(
        "backbone",
        f"timm:{name}",
        known,
        hint="`timm.list_models()` lists what follows `timm:`; a Hub repo is "
        "`timm:hf-hub:owner/name`, a folder `timm:./folder`.",
    )


def _arguments(architecture: str) -> set[str]:
    """What the classes in the architecture's module of timm may be given."""
    module = inspect.getmodule(model_entrypoint(architecture))
    classes = [
        kind
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, nn.Module)
        and kind.__module__.startswith("timm.models.")
    ]
    names = {name for kind in classes for name in inspect.signature(kind).parameters}
    return names - _NOT_FOR_CONFIGS


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, str):
        return _WORD.fullmatch(value) is not None
    return value is None or isinstance(value, (bool, int, float))


def _read_object(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MAX_BYTES:
        raise WeightsInvalid(f"{path} is larger than {_MAX_BYTES} bytes; no configuration is.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as err:
        raise WeightsInvalid(f"{path} is not valid JSON: {str(err)[:200]}") from err
    if not isinstance(content, dict):
        raise WeightsInvalid(f"{path} is not a JSON object.")
    return content


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float)):
        yield value
    elif isinstance(value, dict):
        yield from _numbers(list(value.values()))
    elif isinstance(value, list):
        for member in value:
            yield from _numbers(member)
