"""``zoo hub``: a hub of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli.output import one_line, say

if TYPE_CHECKING:
    from zoo.hub.server import Logged

app = typer.Typer(help="Run a hub of one's own.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `serve` a command of its own while it is the only one."""


@app.command()
def serve(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR",
            help="Where the repos are kept; a folder of owner/name/<files> is served as it is.",
        ),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8080,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others can only reach a public one.")
    ] = "127.0.0.1",
    mirror: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Also serve this folder, read-only; repeatable."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell of each request.")] = False,
) -> None:
    """Serve the repos in DIR to any client of the Hugging Face Hub, until Ctrl-C."""
    from zoo.hub.server import EmbeddedHub

    hub = EmbeddedHub(
        folder,
        host=host,
        port=port,
        mirrors=mirror or [],
        on_request=_tell if verbose else None,
    )
    access = "read and write" if hub.writable else "read-only"
    try:
        say(f"Serving {folder} at {hub.url} ({access}). Ctrl-C stops.")
        say(f"Use it: `export HF_ENDPOINT={hub.url}`")
        hub.serve_forever()
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped.") from None
    finally:
        hub.close()


def _tell(request: Logged) -> None:
    say(one_line(f"{request.status} {request.method} {request.path}", limit=200))
