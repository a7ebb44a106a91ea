"""The ``zoo`` command: one module per command group, and only that of the command typed is imported.

What computes is imported inside the commands that compute.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import zoo
from zoo.cli import failures
from zoo.cli.launch import is_silent, silence, speak_last
from zoo.cli.output import emit, only_data, say
from zoo.errors import ZooError
from zoo.switches import ALLOW, DISABLE, STRICT, TRACE

if TYPE_CHECKING:
    from zoo.host import PluginRecord

_LOOK, _WORK, _SHARE = "See what there is", "Fit and use a model", "Share a model"
_EXTEND = "Extend and mend"

# By name: the module that has a function of that name, and the panel of the help it stands in.
COMMANDS = {
    "backbones": ("listing", _LOOK),
    "adapters": ("listing", _LOOK),
    "tasks": ("listing", _LOOK),
    "rankers": ("listing", _LOOK),
    "alignments": ("listing", _LOOK),
    "validators": ("listing", _LOOK),
    "recipes": ("listing", _LOOK),
    "plugins": ("plugins", _LOOK),
    "show": ("show", _LOOK),
    "data": ("data", _WORK),
    "rank": ("rank", _WORK),
    "gap": ("gap", _WORK),
    "fit": ("fit", _WORK),
    "sweep": ("sweep", _WORK),
    "evaluate": ("evaluate", _WORK),
    "predict": ("predict", _WORK),
    "embed": ("embed", _WORK),
    "report": ("report", _WORK),
    "compare": ("compare", _WORK),
    "merge": ("merge", _SHARE),
    "push": ("share", _SHARE),
    "pull": ("share", _SHARE),
    "verify": ("share", _SHARE),
    "lock": ("lock", _SHARE),
    "hub": ("hub", _SHARE),
    "plugin": ("plugin", _EXTEND),
    "doctor": ("doctor", _EXTEND),
}
_GROUPS = ("data", "hub", "lock", "plugin")


_FLAGS = {"--trace": TRACE, "--strict": STRICT}
_LISTS = {"--disable-plugins": DISABLE, "--allow-plugins": ALLOW}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process: 0, 1 failed, 2 bad input, 130 Ctrl-C.

    Args:
        arguments: without the program's name; by default those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if is_silent():
        silence()
    debug, words = _take_switches(words)
    # To look for them pydantic would read the entry points of every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    if not debug:
        _quiet_libraries()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names need not be Unicode, nor a terminal UTF-8: neither may end a command.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = _run(words, debug=debug)
    if code and is_silent():
        speak_last()
    sys.exit(code)


def run_words(name: str, words: list[str]) -> None:
    """Run another of zoo's own commands from within one; raises what it raises."""
    from typer.main import get_command

    command: Any = get_command(_app([name]))
    command = command.commands[name]
    with command.make_context(name, words) as ctx:
        ctx.invoke(command.callback, **ctx.params)


def _run(words: list[str], *, debug: bool) -> int:
    provider: PluginRecord | None = None
    try:
        app = _app(words)
        provider = _extend(app, words)
        code = app(words, prog_name="zoo", standalone_mode=False)
        _end_stdout()
        return code if isinstance(code, int) else 0
    except KeyboardInterrupt:
        code = failures.report(failures.Interrupted(), debug=debug)
    except BrokenPipeError:
        code = failures.FAILED  # the reader had enough, as `head` does: nothing is left to tell
    except BaseException as failure:
        if provider is not None and not isinstance(failure, SystemExit):
            from zoo.cli.extensions import blamed

            code = failures.report(blamed(failure, provider, _named(words)), debug=debug)
        elif not isinstance(failure, SystemExit):
            code = failures.report(failure, debug=debug)
        else:
            raise
    with contextlib.suppress(OSError):
        _end_stdout()
    return code


def _end_stdout() -> None:
    """Write out the rest of the data; what plugins print while Python ends is none.

    Raises:
        OSError: it cannot be written. Python will not try once more.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
    with contextlib.suppress(AttributeError, OSError, ValueError):  # it is no file
        if sys.stdout.fileno() == 1:
            atexit.register(_turn_away)  # runs before what was registered earlier


def _turn_away() -> None:
    # What was printed since the data was written out goes the same way: it is not flushed before.
    with contextlib.suppress(OSError):  # there is no stdout, or no stderr
        os.dup2(2, sys.stdout.fileno())


class _Command(TyperCommand):
    """A command of zoo's own: what it does not emit is no data, and nothing in it ends the process."""

    def invoke(self, ctx: Any) -> Any:
        """Run it; ``SystemExit`` leaves as an exception that is told."""
        try:
            with only_data():
                return super().invoke(ctx)
        except SystemExit as stop:
            raise failures.Left from stop


class _Group(TyperGroup):
    """The group of all commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Ctrl-C, or "no", leaves as an exception that can carry a line of text."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort) as stop:
            raise failures.Interrupted(*stop.args) from stop


def _app(words: Sequence[str]) -> typer.Typer:
    """The command that ``words`` name, or all of them where they name none."""
    app = typer.Typer(
        cls=_Group,
        help="Transfer learning from plugins: compose a backbone with an adapter, fit it, share it.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    named = _named(words)
    for name in [named] if named in COMMANDS else COMMANDS:
        module_name, panel = COMMANDS[name]
        module = importlib.import_module(f"zoo.cli.{module_name}")
        if name in _GROUPS:
            app.add_typer(module.app, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(getattr(module, name))
    for each in (app, *(group.typer_instance for group in app.registered_groups)):
        for command in each.registered_commands if each else ():
            command.cls = _Command
    return app


def _extend(app: typer.Typer, words: Sequence[str]) -> PluginRecord | None:
    """Give ``app`` the plugins' command that is named, or show all where none is; say whose it is."""
    named = _named(words)
    if named in COMMANDS or "--version" in words:
        return None
    from zoo.cli import extensions

    if named:
        return extensions.add(app, named)
    try:
        extensions.add_summaries(app, COMMANDS)
    except ZooError as err:  # the help is what one turns to when nothing works
        say(f"Commands of plugins are not shown. {err}")
    return None


def _named(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")


def _print_version(asked: bool) -> None:
    if asked:
        emit(zoo.__version__)
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show stack traces; also after a command.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Tell of every call of a plugin's hook.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first broken plugin.")
    ] = False,
    disable_plugins: Annotated[
        str, typer.Option(metavar="NAMES", help="Do without these plugins or distributions.")
    ] = "",
    allow_plugins: Annotated[
        str, typer.Option(metavar="NAMES", help="Do with no other plugins than these.")
    ] = "",
) -> None:
    # They are taken out of the arguments before typer sees them; here they are for the help.
    pass


def _take_switches(words: list[str]) -> tuple[bool, list[str]]:
    """Take out what is understood before and after a command, up to a ``--``.

    Returns whether ``--debug`` was there, and the rest. What is about plugins goes where child
    processes find it as well.
    """
    end = words.index("--") if "--" in words else len(words)
    options, rest = iter(words[:end]), []
    for word in options:
        name, equals, value = word.partition("=")
        if word in _FLAGS:
            os.environ[_FLAGS[word]] = "1"
        elif name in _LISTS:
            names = value if equals else next(options, "")
            given = os.environ.get(_LISTS[name], "") if name == "--disable-plugins" else ""
            os.environ[_LISTS[name]] = f"{given} {names}".strip()
        else:
            rest.append(word)
    return "--debug" in rest, [word for word in rest if word != "--debug"] + words[end:]


def _quiet_libraries() -> None:
    """Keep libraries' warnings and progress bars of their own out of what people read."""
    import warnings

    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


__all__ = ["COMMANDS", "main"]
