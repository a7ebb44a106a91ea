"""``zoo lock``: which commits of which repos a project is about."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli import options, sources
from zoo.cli.output import emit_facts, emit_json, emit_table, say
from zoo.errors import BadSetting

app = typer.Typer(help="Pin the models of a project.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--file", metavar="FILE", help="The lock file.")]


@app.command()
def add(
    repo: Annotated[str, typer.Argument(metavar="REPO[@REVISION]", help="A Hub repo, owner/name.")],
    revision: options.Revision = None,
    file: File = sources.LOCK,
    as_json: options.Json = False,
) -> None:
    """Pin a model: its commit, its digest, and its backbone's."""
    from zoo import progress
    from zoo.hub.lock import add as pin_it

    repo, mark, at = repo.partition("@")
    if mark and revision is not None:
        raise BadSetting(
            "A revision is given twice, after @ and by --revision.", hint="Give it once."
        )
    pin = pin_it(repo, at if mark else revision, lock=file, progress=progress.default())
    facts = {"repo": repo, **pin.model_dump()}
    if as_json:
        emit_json(facts)
        return
    backbone = pin.backbone
    facts["backbone"] = f"{backbone.name} {backbone.commit or ''}".strip()
    emit_facts({**facts, "tensors": backbone.digest})
    say(f"Pinned in {file}. Keep that file with your code; `zoo lock sync` fetches what it says.")


@app.command()
def sync(
    file: File = sources.LOCK,
    weights: Annotated[
        Path | None, typer.Option(help="A folder with the backbone of models made on a local one.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Make this machine match the lock file: fetch, check and open every model in it."""
    from zoo import progress
    from zoo.hub.lock import sync as match

    pins = match(lock=file, weights=weights, progress=progress.default())
    if as_json:
        emit_json({repo: pin.model_dump() for repo, pin in sorted(pins.items())})
        return
    if not pins:
        say(f"{file} pins nothing. `zoo lock add REPO` pins a model.")
        return
    rows = [(repo, pin.revision, pin.commit) for repo, pin in sorted(pins.items())]
    emit_table(("repo", "revision", "commit"), rows)
    say("All are here, and answer as when they were pushed. Next: `zoo predict REPO --locked`.")
