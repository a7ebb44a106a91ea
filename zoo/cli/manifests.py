"""What a manifest says, for people and for programs. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.cli import output
from zoo.cli.results import emit_comparison

if TYPE_CHECKING:
    from zoo.artifact.manifest import Manifest, TaskEntry

_SHOWN_LABELS = 12


@dataclass(frozen=True)
class Known:
    """An artifact as far as it is known without its weights.

    Attributes:
        manifest: what it says.
        content: the manifest's bytes.
        signature: the bytes of its signature, if it has one.
        commit: where it is on a hub.
    """

    manifest: Manifest
    content: bytes
    signature: bytes | None
    commit: str | None = None


def local(path: Path) -> Known | None:
    """What is known of an artifact or of a run's artifact; ``None`` where there is none.

    Raises:
        ArtifactError: there is one, and it cannot be read.
    """
    from zoo.artifact.manifest import MANIFEST, manifest_bytes, parse_manifest
    from zoo.artifact.signing import read_signature
    from zoo.report.record import ARTIFACT

    folders = [at for at in (path, path / ARTIFACT) if (at / MANIFEST).exists()]
    if not folders:
        return None
    content = manifest_bytes(folders[0])
    manifest = parse_manifest(content, str(folders[0] / MANIFEST))
    return Known(manifest, content, read_signature(folders[0]))


def remote(repo: str, revision: str | None) -> Known:
    """What is known of a Hub repo; neither weights nor card are fetched."""
    from zoo import progress
    from zoo.hub.signatures import glance

    found = glance(repo, revision, progress=progress.default())
    return Known(found.manifest, found.content, found.signature, found.commit)


def emit(name: str, known: Known, *, as_json: bool) -> None:
    """Print what is known of an artifact on stdout."""
    from zoo.artifact import trust
    from zoo.artifact.manifest import digest_of

    manifest, signed = known.manifest, trust.signed(known.content, known.signature)
    digest = digest_of(known.content)
    written = str(json.loads(known.content)["format"])  # reading it made it this zoo's own
    if as_json:
        facts = {"kind": "artifact", "commit": known.commit, "digest": digest}
        who = signed and {"key": signed.key, "by": signed.by}
        output.emit_json({**facts, "signed": who, **manifest.model_dump(), "format": written})
        return
    backbone, data = manifest.backbone, manifest.provenance.data
    output.emit(f"artifact {output.one_line(name)}")
    output.emit_facts(
        {
            "commit": known.commit,
            "manifest": digest,
            "signed": signed or "no",
            "tasks": "; ".join(map(_task, manifest.tasks)),
            "backbone": f"{backbone.name} ({backbone.provider})",
            "source": f"{backbone.source}{f' at {backbone.commit}' if backbone.commit else ''}",
            "digest": backbone.digest,
            "pooling": backbone.pooling,
            "adapter": f"{manifest.adapter.name} ({manifest.adapter.provider})",
            "settings": _settings(manifest.adapter.settings),
            "license": _licences(manifest),
            "data": data and f"{data.description}; {_settings(data.rows)}",
            "seed": manifest.provenance.seed,
            "versions": _settings(manifest.provenance.versions),
            "format": written,
            "files": ", ".join(f"{n} ({_size(f.size)})" for n, f in manifest.files.items()),
            "size": _size(sum(file.size for file in manifest.files.values())),
        }
    )
    if manifest.provenance.metrics:
        emit_comparison(manifest.provenance.metrics)


def _licences(manifest: Manifest) -> str:
    data = manifest.provenance.data
    of = {"backbone": manifest.backbone.license, "data": data.license if data else None}
    own = manifest.license or "not stated"
    sources = ", ".join(f"{what} {name or 'not stated'}" for what, name in of.items())
    accepted = ", ".join(manifest.accepted_licenses)
    return f"{own} ({sources})" + (
        f", said to be allowed in spite of {accepted}" if accepted else ""
    )


def _task(task: TaskEntry) -> str:
    if not task.labels:
        return f"{task.name} ({task.provider})"
    shown = ", ".join(task.labels[:_SHOWN_LABELS])
    more = ", …" if len(task.labels) > _SHOWN_LABELS else ""
    return f"{task.name} ({task.provider}): {len(task.labels)} labels: {shown}{more}"


def _settings(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _size(size: int) -> str:
    return f"{output.count(size)}B" if size >= 1000 else f"{size} B"
