"""``zoo verify``: open an artifact with every check, and say what was compared."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.artifact.load import open_artifact


@dataclass(frozen=True)
class Verification:
    """What was compared, and found equal.

    Attributes:
        folder: the artifact.
        files: names of the files whose size and sha256 are those of the manifest.
        backbone: its name.
        source, commit: where it came from when the model was trained; empty for a local folder.
        digest: of its tensors, here and then.
        difference: the largest difference from a recorded logit of the probe.
        tolerance: how large it may be.
    """

    folder: Path
    files: tuple[str, ...]
    backbone: str
    source: str
    commit: str | None
    digest: str
    difference: float
    tolerance: float


def verify(path: str | Path, *, weights: Path | None = None) -> Verification:
    """Open an artifact or a run as :func:`zoo.load` does, refusing what it refuses.

    Args:
        path: the directory.
        weights: a folder to take the backbone's weights from.

    Raises:
        ArtifactError, PluginError, WeightsNotFound: as :func:`zoo.artifact.load.load`.
    """
    opened = open_artifact(path, weights=weights)
    entry = opened.manifest.backbone
    return Verification(
        folder=opened.folder,
        files=tuple(sorted(opened.manifest.files)),
        backbone=entry.name,
        source=entry.source,
        commit=entry.commit,
        digest=entry.digest,
        difference=opened.probe.difference,
        tolerance=opened.probe.tolerance,
    )
