"""What a manifest says, for people and for programs. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli import output
from zoo.cli.results import emit_comparison

if TYPE_CHECKING:
    from zoo.artifact.manifest import Manifest, TaskEntry

_SHOWN_LABELS = 12


def local(path: Path) -> Manifest | None:
    """The manifest of an artifact or of a run's artifact; ``None`` where there is none.

    Raises:
        ArtifactError: there is one, and it cannot be read.
    """
    from zoo.artifact.manifest import MANIFEST, read_manifest
    from zoo.report.record import ARTIFACT

    folders = [at for at in (path, path / ARTIFACT) if (at / MANIFEST).exists()]
    return read_manifest(folders[0]) if folders else None


def remote(repo: str, revision: str | None) -> Manifest:
    """The manifest of a Hub repo; nothing else is fetched."""
    from zoo import progress
    from zoo.hub.fetch import remote_manifest

    return remote_manifest(repo, revision, progress=progress.default())


def emit(name: str, manifest: Manifest, *, as_json: bool) -> None:
    """Print a manifest on stdout."""
    if as_json:
        output.emit_json({"kind": "artifact", **manifest.model_dump()})
        return
    backbone, data = manifest.backbone, manifest.provenance.data
    output.emit(f"artifact {output.one_line(name)}")
    output.emit_facts(
        {
            "backbone": f"{backbone.name} ({backbone.provider})",
            "source": f"{backbone.source}{f' at {backbone.commit}' if backbone.commit else ''}",
            "digest": backbone.digest,
            "pooling": backbone.pooling,
            "adapter": f"{manifest.adapter.name} ({manifest.adapter.provider})",
            "settings": _settings(manifest.adapter.settings),
            "tasks": "; ".join(map(_task, manifest.tasks)),
            "license": manifest.license,
            "data": data and f"{data.description}; {_settings(data.rows)}",
            "seed": manifest.provenance.seed,
            "versions": _settings(manifest.provenance.versions),
            "files": ", ".join(f"{n} ({_size(f.size)})" for n, f in manifest.files.items()),
        }
    )
    if manifest.provenance.metrics:
        emit_comparison(manifest.provenance.metrics)


def _task(task: TaskEntry) -> str:
    shown = ", ".join(task.labels[:_SHOWN_LABELS])
    more = ", …" if len(task.labels) > _SHOWN_LABELS else ""
    return f"{task.name} ({task.provider}): {len(task.labels)} labels: {shown}{more}"


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _size(size: int) -> str:
    return f"{output.count(size)}B" if size >= 1000 else f"{size} B"
