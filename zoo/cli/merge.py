"""``zoo merge``: an adapter folded into its backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import options
from zoo.cli.output import emit_facts, emit_json, say


def merge(
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", help="An artifact or run directory.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write the merged model.")],
    weights: options.Weights = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier artifact at --out.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Fold a model's adapter into its backbone, once both answer the same."""
    from zoo.artifact.merge import merge as fold
    from zoo.artifact.save import require_free

    require_free(out, overwrite=overwrite)
    manifest, difference = fold(artifact, out, weights=weights)
    facts = {
        "folder": str(out),
        "backbone": manifest.backbone.name,
        "adapter": manifest.adapter.name,
        "files": sorted(manifest.files),
        "difference": difference,
    }
    if as_json:
        emit_json(facts)
        return
    emit_facts({**facts, "files": ", ".join(sorted(manifest.files))})
    say(f"It answers as before. Next: `zoo push {out} OWNER/NAME`, to a repo of its own.")
