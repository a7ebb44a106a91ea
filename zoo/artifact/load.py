"""Open an artifact: every check first, then a model that answers as the one that was saved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.artifact import probe
from zoo.artifact.atomic import recover
from zoo.artifact.base import require_stated
from zoo.artifact.composition import Bare, Composition, fill
from zoo.artifact.contents import CONFIG, Contents, contents
from zoo.artifact.files import PICKLES, check_file, shown
from zoo.artifact.manifest import MANIFEST, Manifest, TaskEntry, read_manifest
from zoo.artifact.probe import PROBE, ProbeResult
from zoo.artifact.room import limited
from zoo.errors import (
    BackboneMismatch,
    BadSetting,
    CorruptFile,
    Incompatible,
    NotAnArtifact,
    UnsafeFile,
    WeightsInvalid,
    WeightsNotFound,
)
from zoo.host import installed, require
from zoo.model import Backbone, ComposedModel, Weights, load_spec, make_adapter, make_task
from zoo.model.adapter import Adapter
from zoo.model.composing import language_of
from zoo.model.per_task import PerTask
from zoo.model.task import Task
from zoo.model.weights import drop_damaged
from zoo.report.record import ARTIFACT, RECORD, read_record
from zoo.specs import check_settings

_AS_JSON: dict[type, tuple[type, ...]] = {tuple: (list,), float: (int, float)}


@dataclass(frozen=True)
class Opened:
    """An artifact that passed every check."""

    folder: Path
    manifest: Manifest
    model: ComposedModel
    probe: ProbeResult


def load(path: str | Path, *, weights: Path | None = None, verify: bool = True) -> ComposedModel:
    """The model in an artifact or in a run directory, on the CPU and in evaluation mode.

    Every file the manifest lists is compared with its sha256 before anything is opened, the
    backbone with its digest, the tensors with what the model expects. Nothing is installed, and
    nothing in the artifact can name code to run.

    Args:
        path: the directory.
        weights: a folder to take the backbone's weights from; for a run, by default the one it was
            trained from.
        verify: also run the probe, raw input to logits. A tool that only copies tensors may leave
            it out.

    Raises:
        NotAnArtifact: ``path`` holds neither.
        ArtifactError: the artifact is refused; the subclasses of it say why.
        MissingPlugin, NameClash, PluginError: an installed plugin does not provide what it names.
        WeightsNotFound: the backbone is nowhere to be had.
    """
    folder, _, model = _rebuild(path, weights)
    if verify:
        probe.check(model, folder / PROBE)
    return model


def open_artifact(path: str | Path, *, weights: Path | None = None) -> Opened:
    """As :func:`load`, with the manifest and the outcome of the probe."""
    folder, manifest, model = _rebuild(path, weights)
    return Opened(folder, manifest, model, probe.check(model, folder / PROBE))


def find_artifact(path: str | Path) -> Path:
    """The artifact's own directory, where ``path`` is an artifact or a run.

    Raises:
        NotAnArtifact: ``path`` does not exist.
    """
    given = Path(path)
    recover(given.absolute())
    if not given.exists():
        raise NotAnArtifact(
            f"There is no {given}.", hint="`zoo pull OWNER/NAME` fetches an artifact from a Hub."
        )
    is_run = (given / RECORD).is_file() and not (given / MANIFEST).exists()
    return given / ARTIFACT if is_run else given


def _rebuild(path: str | Path, weights: Path | None) -> tuple[Path, Manifest, ComposedModel]:
    folder = find_artifact(path)
    manifest = read_manifest(folder)
    _check_files(folder, manifest)
    adapter, tasks = _make_parts(folder, manifest)
    backbone = _load_backbone(manifest, weights or _weights_of_run(folder), language_of(tasks))
    known = Composition.known(manifest, backbone)
    model = (
        known.filled(folder, backbone)
        if known
        else _composed(folder, manifest, backbone, adapter, tasks)
    )
    model.provenance = manifest.provenance
    model.license = manifest.license
    model.accepted_licenses = tuple(manifest.accepted_licenses)
    return folder, manifest, model


def _composed(
    folder: Path, manifest: Manifest, backbone: Backbone, adapter: Adapter, tasks: list[Task]
) -> ComposedModel:
    bare = Bare.of(backbone)
    model = _compose(folder, manifest, backbone, adapter, tasks)
    expected = _expected(folder, manifest, model)
    bare.keep(manifest, model, expected, fill(folder, model, expected))
    return model


def _weights_of_run(folder: Path) -> Path | None:
    """The local folder that the run which wrote this artifact took its backbone from."""
    run = folder.absolute().parent
    if folder.name != ARTIFACT or not (run / RECORD).is_file():
        return None
    try:
        recorded = read_record(run).weights
    except NotAnArtifact:  # of a broken run, the artifact may still be sound
        return None
    return Path(recorded) if recorded and Path(recorded).is_dir() else None


def _check_files(folder: Path, manifest: Manifest) -> None:
    for name in sorted(manifest.files):
        if Path(name).suffix in PICKLES:
            raise UnsafeFile(
                f"{folder / MANIFEST} lists {name}, a pickle. zoo never opens pickles: they can "
                "run code.",
                hint="Ask for the artifact as safetensors.",
            )
    for name, entry in sorted(manifest.files.items()):
        check_file(folder / name, size=entry.size, sha256=entry.sha256)


def _make_parts(folder: Path, manifest: Manifest) -> tuple[Adapter, list[Task]]:
    host = installed()
    require(host.backbone, manifest.backbone.name, manifest.backbone.provider)
    require(host.adapter, manifest.adapter.name, manifest.adapter.provider)
    with _possible(folder, manifest.adapter.provider):
        given = manifest.adapter.settings
        adapter = make_adapter(manifest.adapter.name, given)
        _require_types(manifest.adapter.name, given, adapter.settings)
        if manifest.adapter.per_task:
            adapter = PerTask(adapter, [entry.name for entry in manifest.tasks])
    return adapter, [_make_task(folder, entry) for entry in manifest.tasks]


def _make_task(folder: Path, entry: TaskEntry) -> Task:
    provided = require(installed().task, entry.kind, entry.provider)
    with _possible(folder, entry.provider):
        # A setting may not pass for another argument of make_task.
        checked = check_settings(entry.kind, provided.spec.settings, entry.settings)
        _require_types(entry.kind, entry.settings, checked)
        task = make_task(entry.kind, labels=entry.labels, name=entry.name, **entry.settings)
        task.restore(entry.state)
        return task


def _require_types(owner: str, given: Mapping[str, object], checked: Mapping[str, object]) -> None:
    """Refuse what only a command line may say: the text "8", or 8.0, for the number 8."""
    for name, value in given.items():
        kind = type(checked[name])
        if type(value) not in _AS_JSON.get(kind, (kind,)):
            raise BadSetting(f"{owner}: {name} is {value!r}, which is not of type {kind.__name__}.")


@contextlib.contextmanager
def _possible(folder: Path, *providers: str) -> Iterator[None]:
    """Turn a refusal of what the manifest asks for into one that names the manifest."""
    try:
        yield
    except (BadSetting, Incompatible) as err:
        raise CorruptFile(
            f"{folder / MANIFEST} asks for what cannot be: {err.message}",
            hint=f"It was written with {' and '.join(map(shown, providers))}; another version of "
            "that may know it.",
        ) from err


def _load_backbone(manifest: Manifest, weights: Path | None, language: str) -> Backbone:
    entry = manifest.backbone
    commit = entry.commit if entry.source and not entry.source.startswith("pip:") else None
    try:
        backbone = _same_backbone(manifest, Weights(weights, commit, language=language))
    except (WeightsInvalid, BackboneMismatch, Incompatible):
        # Perhaps it is the right one, and was damaged on its way or in the cache.
        if weights or commit is None or not drop_damaged(entry.source, commit):
            raise
        backbone = _same_backbone(manifest, Weights(weights, commit, language=language))
    require_stated(entry, backbone)
    origin = backbone.origin
    if entry.source and origin.commit is None and origin.source in ("", entry.source):
        # A folder does not say whose copy it is; the digest does.
        backbone.origin = replace(origin, source=entry.source, commit=entry.commit)
    return backbone


def _same_backbone(manifest: Manifest, weights: Weights) -> Backbone:
    entry = manifest.backbone
    provided = require(installed().backbone, entry.name, entry.provider)
    try:
        backbone = load_spec(provided, weights)
    except WeightsNotFound as err:
        if weights.path is None and _is_local(entry.name):
            raise WeightsNotFound(
                f"The backbone was a local folder called {_last_part(entry.name)}, on the machine "
                "that trained the model.",
                hint=f"Type the same again with `--weights FOLDER`, where FOLDER is a copy of it: "
                f"the digest of its tensors is {entry.digest[:12]}…; from Python, `weights=FOLDER`.",
            ) from err
        raise
    if backbone.digest != entry.digest:
        raise _other_backbone(manifest, backbone)
    return backbone


def _is_local(name: str) -> bool:
    return name.partition(":")[2].startswith("./")


def _last_part(name: str) -> str:
    return shown(name.rpartition("/")[2])


def _other_backbone(manifest: Manifest, found: Backbone) -> BackboneMismatch:
    entry = manifest.backbone
    if entry.source:
        commit = f" at {entry.commit[:12]}" if entry.commit else ""
        recorded = f"{entry.source}{commit}"
    else:
        recorded = f"a local folder called {_last_part(entry.name)}"
    where = found.origin.folder or found.origin.source or "an unknown place"
    return BackboneMismatch(
        f"The backbone in {where} is not the one this model was trained on: its digest is "
        f"{found.digest[:12]}…, the manifest says {entry.digest[:12]}… ({recorded}).",
        hint="Another model of the same shape is not accepted; pass the right one with "
        "`--weights FOLDER`.",
    )


def _compose(
    folder: Path, manifest: Manifest, backbone: Backbone, adapter: Adapter, tasks: list[Task]
) -> ComposedModel:
    known = sum(entry.size for entry in manifest.files.values()) + sum(
        tensor.nbytes for tensor in backbone.module.state_dict().values()
    )
    with (
        _possible(folder, manifest.backbone.provider, manifest.adapter.provider),
        limited(known, str(folder / MANIFEST)),
    ):
        return ComposedModel(backbone, adapter, tasks, pooling=manifest.backbone.pooling)


def _expected(folder: Path, manifest: Manifest, model: ComposedModel) -> Contents:
    """The model's files, once it is sure that the manifest lists exactly these."""
    expected = contents(model)
    if lacking := sorted(expected.names - manifest.files.keys()):
        raise CorruptFile(
            f"{folder / MANIFEST} does not list {', '.join(lacking)}, which a model of "
            f"{manifest.adapter.name} has.",
            hint="Pull it again, or save the model again.",
        )
    beside = model.backbone.companion_names if CONFIG in expected.configs else frozenset()
    if surplus := sorted(manifest.files.keys() - expected.names - beside):
        raise CorruptFile(
            f"{folder / MANIFEST} lists {', '.join(surplus[:3])}, which no model of "
            f"{manifest.adapter.name} reads.",
            hint="It was made by another version of the plugin, or tampered with.",
        )
    return expected
