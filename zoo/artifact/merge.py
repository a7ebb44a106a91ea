"""An adapter folded into its backbone: one whole model, in the base library's own layout.

The merged model is another artifact, for another repo or revision. It needs no method but that of the
backbone's own weights to be opened, and computes nothing beside them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from zoo import registry
from zoo.artifact import probe
from zoo.artifact.load import find_artifact, open_artifact
from zoo.artifact.manifest import Manifest
from zoo.artifact.save import save
from zoo.errors import Incompatible, ProbeMismatch
from zoo.model import ComposedModel, make_adapter


def merge(
    artifact: str | Path, out: str | Path, *, weights: Path | None = None
) -> tuple[Manifest, float]:
    """Write the merged model of ``artifact`` to ``out``; also the largest difference of a logit.

    Args:
        artifact: an artifact or run directory.
        out: where to write; an earlier artifact there is replaced.
        weights: a folder to take the backbone's weights from.

    Raises:
        Incompatible: the method cannot be merged, or nothing is left to merge.
        ProbeMismatch: merged, the model answers differently; nothing was written.
        ArtifactError, PluginError, WeightsNotFound: ``artifact`` cannot be opened.
        OutputExists: ``out`` holds something that is not an artifact.
    """
    if Path(out).absolute() == find_artifact(artifact).absolute():
        raise Incompatible(
            "A merged model is another artifact than the one it was made from.",
            hint="Choose another --out.",
        )
    model = open_artifact(artifact, weights=weights).model
    difference = fold(model)
    return save(model, out), difference


@contextlib.contextmanager
def merged(
    artifact: str | Path, *, weights: Path | None = None
) -> Iterator[tuple[Path, Path | None]]:
    """The merged model of ``artifact`` for as long as it takes, and where its backbone's weights are.

    Raises as :func:`merge`.
    """
    model = open_artifact(artifact, weights=weights).model
    fold(model)
    with tempfile.TemporaryDirectory(prefix="zoo-merge-") as temporary:
        folder = Path(temporary) / "artifact"
        save(model, folder)
        yield folder, weights or model.backbone.origin.folder


def fold(model: ComposedModel) -> float:
    """Merge ``model`` in place; the largest difference of a logit on the probe.

    Raises:
        Incompatible, ProbeMismatch: as :func:`merge`; ``model`` is then of no use any more.
    """
    adapter = model.adapter
    changed = adapter.layout(model.backbone, dict(model.heads.items()), model.native_head).changed
    if changed:
        raise Incompatible(
            f"{adapter.spec.name} trained the backbone's own weights: there is nothing to merge.",
            hint="Its artifact holds them already.",
        )
    before = probe.record(model)
    adapter.merge(model.backbone)
    model.adapter = make_adapter(registry.load().defaults.merged_adapter)
    model.adapter.attach(model.backbone)
    model.eval()
    try:
        return probe.compare(model, before, Path(probe.PROBE)).difference
    except ProbeMismatch as err:
        raise ProbeMismatch(
            f"Merged, {adapter.spec.name} answers differently: {err.message}",
            hint="Nothing was written. Publish it as it is; an artifact needs no merging.",
        ) from err
