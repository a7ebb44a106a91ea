"""From a name and a source of weights to a timm model with every tensor accounted for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import timm
from safetensors import SafetensorError, safe_open
from timm.models import get_deprecated_models, get_pretrained_cfg, is_model
from torch import nn

from zoo.plugin import (
    BackboneSpec,
    FileState,
    Incompatible,
    Origin,
    Weights,
    WeightsInvalid,
    WeightsNotFound,
)
from zoo_vision.config import CONFIG, read_config, unknown_name
from zoo_vision.mapped import mapped
from zoo_vision.names import TimmName, parse

TENSORS = "model.safetensors"
_HINT = "Fetch the weights again, or name the architecture they were made for."


@dataclass(frozen=True)
class Built:
    """A model as its weights have it, classifier included.

    Attributes:
        model: the timm model.
        name: what stands for it from now on; never an absolute path.
        origin: where the weights came from.
        stock: the leading arguments of ``timm.create_model`` that give it without zoo.
        arguments: of its architecture, where its folder or repo gives any.
        files: all that its weights and its architecture come from; empty where they are at random.
    """

    model: nn.Module
    name: str
    origin: Origin
    stock: str
    arguments: dict[str, Any] = field(default_factory=dict)
    files: FileState = FileState()  # noqa: RUF009  # frozen


def build(spec: BackboneSpec, weights: Weights) -> Built:
    """The model that ``spec`` names.

    Raises:
        UnknownName: timm has no such model.
        WeightsNotFound: the files are nowhere to be had.
        WeightsInvalid: they are not what they should be.
    """
    listed = spec.options.get("timm")
    wanted = parse(str(listed) if listed else spec.name.partition(":")[2])
    if wanted.kind == "folder":
        return _from_folder(wanted.folder, weights)
    if wanted.kind == "hub":
        return _from_hub(wanted, weights)
    built = _from_registry(wanted.name, weights)
    return replace(built, name=spec.name) if listed and built.origin.source else built


def _from_folder(path: Path, weights: Weights) -> Built:
    given = weights.path or path
    if not given.is_dir():
        raise WeightsNotFound(
            f"{given} is not a folder.",
            hint=f"Say where {' and '.join(_files(weights))} of it are: `--weights PATH`.",
        )
    folder = weights.folder(given, required=_files(weights)).folder
    public = f"./{path.resolve().name}"
    files = _state_of(folder, weights)
    return Built(
        _create_from(folder, files, weights.pretrained),
        f"timm:{public}",
        Origin("", folder=folder),
        json.dumps(f"local-dir:{public}"),
        read_config(folder).model_args,
        files,
    )


def _from_hub(wanted: TimmName, weights: Weights) -> Built:
    pinned = replace(weights, revision=weights.revision or wanted.revision)
    fetched = pinned.repo(wanted.name, required=_files(weights))
    at = f"@{fetched.commit}" if fetched.commit else ""
    files = _state_of(fetched.folder, weights)
    return Built(
        _create_from(fetched.folder, files, weights.pretrained),
        f"timm:hf-hub:{wanted.name}",
        Origin(wanted.name, fetched.commit, fetched.folder),
        json.dumps(f"hf-hub:{wanted.name}{at}"),
        read_config(fetched.folder).model_args,
        files,
    )


def _from_registry(name: str, weights: Weights) -> Built:
    """A model timm knows by itself; its default tag is made explicit, since defaults change."""
    name = _current(name)
    known = get_pretrained_cfg(name)
    repo: str = (known and known.hf_hub_id) or ""
    if known and known.tag:
        name = f"{known.architecture}.{known.tag}"
    if weights.path is not None and (weights.path / CONFIG).is_file():
        return _from_described_folder(name, repo, weights.path, weights)
    if not weights.pretrained:
        return Built(timm.create_model(name), f"timm:{name}", Origin(repo), json.dumps(name))
    if weights.path is None and not repo:
        raise WeightsNotFound(
            f"timm has no weights of {name} on the Hub as safetensors.",
            hint="Give a folder that holds model.safetensors with `--weights PATH`.",
        )
    fetched = weights.repo(repo, required=[TENSORS])
    file = fetched.folder / TENSORS
    files = FileState.at([file])
    overlay = {"file": str(file)}
    with _explained(file, name):
        model = mapped(
            lambda: _create(name, pretrained_cfg_overlay=overlay), file, files, name
        ) or _create(name, pretrained=True, pretrained_cfg_overlay=overlay)
    if weights.path is not None:
        _require_all_tensors(model, file, name)
    pin = f', pretrained_cfg_overlay=dict(hf_hub_id="{repo}@{fetched.commit}")'
    stock = json.dumps(name) + (pin if fetched.commit else "")
    origin = Origin(repo, fetched.commit, fetched.folder)
    return Built(model, f"timm:{name}", origin, stock, files=files)


def _from_described_folder(name: str, repo: str, path: Path, weights: Weights) -> Built:
    """A folder given for a name that timm knows; what the folder says of its weights counts."""
    config = read_config(path)
    architecture, _, tag = name.partition(".")
    if config.architecture != architecture:
        raise Incompatible(
            f"{path} holds {config.architecture}, not {architecture}.",
            hint=f"Use `timm:{path}` as the backbone, or give a folder with {architecture}.",
        )
    built = _from_folder(path, weights)
    if config.tag != tag or config.model_args:
        return built  # other weights than the name stands for: known by their folder instead
    return replace(
        built,
        name=f"timm:{name}",
        origin=replace(built.origin, source=repo),
        stock=json.dumps(name),
    )


def _current(name: str) -> str:
    """``name`` as the installed timm spells it.

    Raises:
        UnknownName: it has no such architecture, or no such weights of it.
    """
    name = get_deprecated_models().get(name) or name
    architecture, _, tag = name.partition(".")
    if not is_model(architecture) or architecture in get_deprecated_models():
        raise unknown_name(name)
    if tag and name not in timm.list_models(f"{architecture}.*", include_tags=True):
        raise unknown_name(name)
    return name


def _files(weights: Weights) -> list[str]:
    return [CONFIG, TENSORS] if weights.pretrained else [CONFIG]


def _state_of(folder: Path, weights: Weights) -> FileState:
    """Of files with weights; what has none is another each time."""
    return FileState.at(folder / n for n in _files(weights)) if weights.pretrained else FileState()


def _create_from(folder: Path, files: FileState, pretrained: bool) -> nn.Module:
    """A folder as timm itself reads it: architecture, arguments and filters as in stock code."""
    config = read_config(folder)
    file = folder / TENSORS
    if not pretrained:
        return _create(f"local-dir:{folder}")
    with _explained(file, config.architecture):
        model = mapped(lambda: _create(f"local-dir:{folder}"), file, files, "") or _create(
            f"local-dir:{folder}", pretrained=True
        )
    _require_all_tensors(model, file, config.architecture)
    return model


def _create(name: str, **options: Any) -> nn.Module:
    model: nn.Module = timm.create_model(name, **options)
    return model


@contextmanager
def _explained(file: Path, architecture: str) -> Iterator[None]:
    """Turn what timm raises on unfit weights into one line."""
    try:
        yield
    except SafetensorError as err:
        raise WeightsInvalid(f"{file} cannot be read as safetensors: {err}", hint=_HINT) from err
    except (AssertionError, AttributeError, KeyError, RuntimeError, ValueError) as err:
        said = " ".join(str(err).split())
        reason = said.partition("in loading state_dict for ")[2].partition(": ")[2] or said
        shown = reason if len(reason) <= 200 else f"{reason[:200]} …"
        raise WeightsInvalid(
            f"{file} does not hold the tensors of {architecture}: {shown}",
            hint=_HINT,
        ) from err


def _require_all_tensors(model: nn.Module, file: Path, architecture: str) -> None:
    """Refuse a file that lacks tensors where timm would leave them at random.

    timm loads most architectures strictly, a few not. A file with foreign names was translated by
    timm, and only a strict load can judge it; one with native names is judged here.
    """
    expected = {n for n in model.state_dict() if not n.endswith(".num_batches_tracked")}
    with safe_open(file, framework="pt") as opened:
        found = set(opened.keys())
    missing = sorted(expected - found)
    if missing and found <= set(model.state_dict()):
        raise WeightsInvalid(
            f"{file} lacks {len(missing)} tensors of {architecture}: {', '.join(missing[:3])}"
            + (", …" if len(missing) > 3 else "."),
            hint=_HINT,
        )
