"""Write a composed model as an artifact: whole or not at all, and equal models as equal bytes."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from zoo.artifact import configs, probe
from zoo.artifact.anonymous import without_paths
from zoo.artifact.atomic import replacing, write
from zoo.artifact.card import render
from zoo.artifact.contents import ASSETS, CARD, contents
from zoo.artifact.licences import Stated, require_consistent
from zoo.artifact.manifest import (
    MANIFEST,
    AdaptationEntry,
    AdapterEntry,
    BackboneEntry,
    DataEntry,
    FileEntry,
    Manifest,
    Provenance,
    TaskEntry,
    read_manifest,
)
from zoo.artifact.probe import PROBE
from zoo.artifact.signing import SIGNATURE
from zoo.artifact.tensors import to_bytes
from zoo.errors import ArtifactError, OutputExists
from zoo.host import Provided, installed
from zoo.model import ComposedModel
from zoo.model.per_task import PerTask
from zoo.report.adaptation import Adaptation
from zoo.report.card_plots import card_plots
from zoo.report.record import RunRecord

_INERT = (MANIFEST, CARD, ASSETS, SIGNATURE)


def save(
    model: ComposedModel,
    folder: str | Path,
    *,
    record: RunRecord | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    provenance: Provenance | None = None,
    license: str | None = None,
    data_license: str | None = None,
    accept_licenses: Sequence[str] = (),
) -> Manifest:
    """Write ``model`` to ``folder``; an earlier artifact there is replaced in one step.

    Args:
        model: trained.
        folder: the destination; interrupted at any moment, it is as it was or wholly new.
        record: the run's, for metrics and plots.
        history: the lines of its ``metrics.jsonl``, for a plot.
        provenance: how the model came about; by default what ``record`` says, or what the model
            already carries.
        license: of the model; by default what it carries, or the backbone's.
        data_license: of what it was trained on.
        accept_licenses: of the backbone or the data, which ``license`` may contradict because you
            have the right to.

    Raises:
        LicenceConflict: the model's licence allows what that of its backbone or data does not.
        OutputExists: ``folder`` holds something that is not an artifact.
        TrainingFailed: the model has diverged.
        WriteFailed: the disk is full or the place cannot be written.
        PluginError: the adapter's or backbone's plugin cannot be saved.
    """
    folder = Path(folder)
    require_free(folder, overwrite=True)
    model.provenance = provenance or _told_by(record) or model.provenance or Provenance()
    model.license = license or model.license
    model.accepted_licenses = tuple(dict.fromkeys((*model.accepted_licenses, *accept_licenses)))
    if data_license is not None:
        data = model.provenance.data or DataEntry(description="", fingerprint="", rows={})
        known = data.model_copy(update={"license": data_license})
        model.provenance = model.provenance.model_copy(update={"data": known})
    if record is not None and not model.provenance.headline:
        model.provenance = model.provenance.model_copy(update={"headline": record.headline})
    require_consistent(licences_of(model))
    files = _loaded_files(model)
    manifest = _described(model, files)
    plots = card_plots(record, history)
    card = render(manifest, model, plots=tuple(plots))
    with replacing(folder) as fresh:
        for name, content in files.items():
            write(fresh / name, content)
        write(fresh / CARD, card.encode())
        if plots:
            (fresh / ASSETS).mkdir()
        for name, content in plots.items():
            write(fresh / ASSETS / name, content)
        write(fresh / MANIFEST, manifest.to_json().encode())
    return manifest


def licences_of(model: ComposedModel) -> Stated:
    """What is stated about a model: its own licence, and those of what it was made from."""
    data = model.provenance.data if model.provenance else None
    return Stated(
        model=model.license or model.backbone.license,
        backbone=model.backbone.license,
        data=data.license if data else None,
        accepted=model.accepted_licenses,
    )


def _described(model: ComposedModel, files: Mapping[str, bytes]) -> Manifest:
    try:
        return describe(model, files)
    except ValidationError as err:
        first = err.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise ArtifactError(
            f"The model cannot be described in a manifest: {at}: {first['msg'][:200]}; nothing was "
            "saved.",
            hint="Shorten that name, label or setting.",
        ) from err


def describe(model: ComposedModel, files: Mapping[str, bytes]) -> Manifest:
    """The manifest of ``model`` with ``files``, free of paths of this machine."""
    host = installed()
    backbone, adapter = model.backbone, model.adapter
    owner = _owner(host.backbone(backbone.spec.name))
    provenance = model.provenance or Provenance()
    return Manifest(
        backbone=BackboneEntry.model_validate(
            without_paths(
                {
                    "name": backbone.spec.name,
                    "provider": owner,
                    "source": backbone.origin.source,
                    "commit": backbone.origin.commit,
                    "digest": backbone.digest,
                    "pooling": backbone.pooling,
                    "license": backbone.license,
                    "contract": backbone.contract.describe(),
                    "preprocessing": backbone.preprocess.describe(),
                }
            )
        ),
        adapter=AdapterEntry(
            name=adapter.spec.name,
            provider=_owner(host.adapter(adapter.spec.name)),
            settings=_plain(adapter.settings),
            per_task=isinstance(adapter, PerTask),
        ),
        tasks=[
            TaskEntry(
                name=task.name,
                kind=task.spec.name,
                provider=_owner(host.task(task.spec.name)),
                labels=list(task.labels),
                settings=_plain(task.settings),
                state=task.state,
            )
            for task in model.tasks.values()
        ],
        files={
            name: FileEntry(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
            for name, content in files.items()
        },
        license=model.license or backbone.license,
        accepted_licenses=list(model.accepted_licenses),
        provenance=_publishable(provenance),
    )


def _loaded_files(model: ComposedModel) -> dict[str, bytes]:
    """Every file that the manifest lists, by name."""
    found = contents(model)
    files = {name: to_bytes(name, tensors) for name, tensors in found.tensors.items()}
    for name, config in found.configs.items():
        files[name] = configs.to_bytes(config)
    files |= found.companions
    files[PROBE] = to_bytes(PROBE, probe.record(model))
    return files


def require_free(folder: Path, *, overwrite: bool) -> None:
    """Refuse to lose what ``folder`` holds.

    Raises:
        OutputExists: it is no artifact, or one and ``overwrite`` was not given; or an artifact with
            files of somebody else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    try:
        listed = read_manifest(folder).files.keys()
    except ArtifactError as err:
        raise OutputExists(
            f"{folder} holds something that is not an artifact; nothing was overwritten.",
            hint="Choose another place, or remove it yourself.",
        ) from err
    known = {*listed, *_INERT}
    if strange := sorted(path.name for path in folder.iterdir() if path.name not in known):
        raise OutputExists(
            f"{folder} is an artifact that also holds {', '.join(strange[:3])}, which zoo did not "
            "write; nothing was overwritten.",
            hint="Move that elsewhere, or choose another place.",
        )
    if not overwrite:
        raise OutputExists(
            f"{folder} holds an earlier artifact.",
            hint="Choose another `--out`, or add `--overwrite`.",
        )


def _owner(provided: Provided[Any]) -> str:
    return f"{provided.plugin.distribution} {provided.plugin.version}"


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in settings.items()}


def _told_by(record: RunRecord | None) -> Provenance | None:
    if record is None:
        return None
    data = record.data
    return Provenance(
        data=DataEntry(
            description=str(data.get("kind", "")),
            fingerprint=str(data.get("fingerprint", "")),
            rows=dict(data.get("rows", {})),
        ),
        seed=record.config.get("training", {}).get("seed"),
        metrics={f"{result.model} on {result.split}": result.metrics for result in record.results},
        versions=record.versions or {name: version(name) for name in ("zoo", "torch")},
        adaptation=_adapted(record.adaptation),
    )


def _adapted(found: Adaptation | None) -> AdaptationEntry | None:
    if found is None:
        return None
    target = found.target
    return AdaptationEntry(
        alignment=found.alignment,
        validator=found.validator,
        kept=found.kept,
        target=DataEntry(
            description=str(target["description"]),
            fingerprint=str(target["fingerprint"]),
            rows=dict(target["rows"]),
        ),
    )


def _publishable(provenance: Provenance) -> Provenance:
    """Without paths, and without numbers that JSON cannot write."""
    metrics = {
        model: {name: value for name, value in values.items() if math.isfinite(value)}
        for model, values in provenance.metrics.items()
    }
    plain = without_paths(provenance.model_copy(update={"metrics": metrics}).model_dump())
    return Provenance.model_validate(plain)
