"""Commands that plugins add: shown in the help, imported when typed, and never in place of zoo's own."""

from __future__ import annotations

from collections.abc import Collection

import typer

from zoo.cli.failures import Interrupted, UsageError
from zoo.cli.output import one_line, plain, say
from zoo.errors import PluginError, ZooError
from zoo.host import Host, PluginRecord, Provided, installed
from zoo.host.raised import Raised
from zoo.specs import CommandSpec

PANEL = "From plugins"


def refuse_hiding(host: Host, own: Collection[str]) -> list[Provided[CommandSpec]]:
    """Commands of plugins; a plugin with one that is called as one of zoo's ``own`` is broken."""
    for provided in host.commands:
        if provided.spec.name in own:
            provided.plugin.break_with(
                f"its command {provided.spec.name!r} would hide zoo's own",
                f"Ask the authors of {provided.plugin.distribution} for another name.",
            )
    return [provided for provided in host.commands if provided.spec.name not in own]


def add_summaries(app: typer.Typer, own: Collection[str]) -> None:
    """Let the help show plugins' commands, without importing them."""
    for provided in refuse_hiding(installed(), own):
        help = f"{provided.spec.summary} ({provided.plugin.distribution})".strip()
        app.command(provided.spec.name, help=_shown(help), rich_help_panel=PANEL)(_nothing)


def add(app: typer.Typer, name: str) -> PluginRecord | None:
    """Let ``app`` have the command of that name, and say whose it is; ``None`` where it is nobody's.

    Raises:
        NameClash: two plugins provide it.
        PluginError: it cannot be imported.
    """
    host = installed()
    if all(provided.spec.name != name for provided in host.commands):
        excuse = host.excuse("command", name)
        if excuse:
            say(one_line(excuse))
        return None
    provided = host.command(name)
    command, help = host.load(provided), _shown(provided.spec.summary) or None
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name, help=help)
    else:
        app.command(name, help=help)(command)
    return provided.plugin


def blamed(failure: BaseException, provider: PluginRecord, name: str) -> Exception:
    """A failure of a plugin's command, told as the plugin's."""
    if isinstance(failure, (ZooError, UsageError, Interrupted)):
        return failure
    error = PluginError(
        f"{provider.origin}: its command {name!r} raised {Raised(failure)}",
        hint=f"`--debug` shows where. Report it to the authors of {provider.distribution}.",
    )
    error.__cause__ = failure
    return error


def _shown(help: str) -> str:
    """As it is written: rich would take what stands in brackets for markup, and end at what is none."""
    from rich.markup import escape

    return escape(plain(help))


def _nothing() -> None:
    """In place of a command that is only listed."""
