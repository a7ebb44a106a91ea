"""``zoo push``, ``zoo pull``, ``zoo verify``: models to a Hub, from a Hub, and what they promise."""

from __future__ import annotations

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zoo.cli import options, sources
from zoo.cli.output import emit, emit_facts, emit_json, say

if TYPE_CHECKING:
    from zoo.model import ComposedModel

Repo = Annotated[str, typer.Argument(metavar="REPO", help="A Hub repo, owner/name.")]


def push(
    artifact: Annotated[
        Path, typer.Argument(metavar="ARTIFACT", help="An artifact or run directory.")
    ],
    repo: Repo,
    message: Annotated[str | None, typer.Option(help="Of the commit.")] = None,
    private: Annotated[bool, typer.Option("--private", help="Make a new repo private.")] = False,
    branch: Annotated[str, typer.Option(help="Made where it is not there.")] = "main",
    tag: Annotated[str | None, typer.Option(help="Also name the commit so.")] = None,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open a pull request instead.")
    ] = False,
    weights: options.Weights = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Replace another model, or a commit made meanwhile; push what does not open.",
        ),
    ] = False,
    sign: Annotated[
        Path | None, typer.Option(metavar="KEY", help="A private key (PEM) to sign it with.")
    ] = None,
    allow_findings: Annotated[
        bool,
        typer.Option("--allow-findings", help="Push what looks like a token or a path as well."),
    ] = False,
    merged: Annotated[
        bool,
        typer.Option("--merged", help="Fold the adapter into the backbone first, as `zoo merge`."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Publish a model as a Hub repo, in one commit of what changed."""
    from zoo import progress
    from zoo.hub.push import push as publish

    with _source(artifact, weights, merged=merged) as (source, found):
        done = publish(
            source,
            repo,
            message=message,
            private=private,
            branch=branch,
            tag=tag,
            create_pr=create_pr,
            force=force,
            sign=sign,
            allow_findings=allow_findings,
            weights=found,
            progress=progress.default(),
        )
    if as_json:
        emit_json(asdict(done))
        return
    emit(done.commit)
    there = "is proposed already" if done.pull_request else "is up to date"
    what = (
        f"{len(done.changed)} files, {done.sent:,} bytes"
        if done.changed or done.deleted
        else f"nothing: it {there}"
    )
    say(f"Pushed {what}. It is at {done.url}")
    if done.pull_request:
        say(f"It waits to be merged: {done.pull_request}")
        return
    revision = f" --revision {tag}" if tag else ""
    say(f"Next: `zoo pull {repo}{revision}`, here or anywhere.")


def _source(
    artifact: Path, weights: Path | None, *, merged: bool
) -> contextlib.AbstractContextManager[tuple[Path, Path | None]]:
    """What is published, and where its backbone's weights are."""
    if not merged:
        return contextlib.nullcontext((artifact, weights))
    from zoo.artifact.merge import merged as fold

    return fold(artifact, weights=weights)


def pull(
    repo: Repo,
    revision: options.Revision = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Also write the artifact there.")
    ] = None,
    locked: options.Locked = False,
    weights: options.Weights = None,
    force: Annotated[
        bool, typer.Option("--force", help="Fetch all of it again, and replace what is in --out.")
    ] = False,
    any_size: Annotated[
        bool, typer.Option("--any-size", help="Fetch it also if it has more than 200 GiB.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Fetch a model from a Hub, check it, and prove that it answers as the one pushed."""
    from zoo import progress
    from zoo.hub.pull import pull as fetch

    model = fetch(
        repo,
        revision=revision,
        force=force,
        any_size=any_size,
        weights=weights,
        folder=out,
        progress=progress.default(),
        lock=sources.lock(locked),
    )
    facts = _facts(repo, revision, out, model)
    if as_json:
        emit_json(facts)
        return
    emit_facts(
        {
            **facts,
            "tasks": ", ".join(facts["tasks"]),
            "labels": "; ".join(map(", ".join, facts["tasks"].values())),
        }
    )
    say(f"It answers as the model that was pushed. Next: `zoo predict {out or repo} INPUT...`")


def _facts(
    repo: str, revision: str | None, folder: Path | None, model: ComposedModel
) -> dict[str, Any]:
    return {
        "repo": repo,
        "revision": revision,
        "folder": str(folder) if folder else None,
        "backbone": model.backbone.spec.name,
        "adapter": model.adapter.spec.name,
        "tasks": {name: list(task.labels) for name, task in model.tasks.items()},
    }


def verify(
    artifact: options.Artifact,
    key: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="A public key (PEM) that must have signed it."),
    ] = None,
    weights: options.Weights = None,
    revision: options.Revision = None,
    as_json: options.Json = False,
) -> None:
    """Open a model with every check: signature, files, backbone, tensors, and its answers."""
    from zoo import progress
    from zoo.artifact.verify import verify as check

    place = sources.artifact(artifact, revision)
    if not isinstance(place, Path):
        from zoo.hub.fetch import fetch

        place = fetch(place, revision, progress=progress.default()).folder
    found = check(place, weights=weights, key=key)
    facts = {**asdict(found), "folder": str(found.folder)}
    if as_json:
        emit_json(facts)
        return
    facts["files"] = ", ".join(found.files)
    facts["signed"] = found.signed or "no"
    emit_facts(facts)
    say("Whole: every file, the backbone and the answers are those that were saved.")
