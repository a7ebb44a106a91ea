"""The ``zoo`` command: one module per command group, and only that of the command typed is imported.

What computes is imported inside the commands that compute.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import zoo
from zoo.cli import failures
from zoo.cli.output import emit

_LOOK, _WORK, _SHARE = "See what there is", "Fit and use a model", "Share a model"

# By name: the module that has a function of that name, and the panel of the help it stands in.
_COMMANDS = {
    "backbones": ("listing", _LOOK),
    "adapters": ("listing", _LOOK),
    "tasks": ("listing", _LOOK),
    "recipes": ("listing", _LOOK),
    "plugins": ("listing", _LOOK),
    "show": ("show", _LOOK),
    "fit": ("fit", _WORK),
    "evaluate": ("evaluate", _WORK),
    "predict": ("predict", _WORK),
    "embed": ("embed", _WORK),
    "report": ("report", _WORK),
    "push": ("share", _SHARE),
    "pull": ("share", _SHARE),
    "verify": ("share", _SHARE),
    "hub": ("hub", _SHARE),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and end the process: 0, 1 failed, 2 bad input, 130 Ctrl-C.

    Args:
        arguments: without the program's name; by default those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug, words = _take_debug(words)
    # To look for them pydantic would read the entry points of every installed distribution.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    if not debug:
        _quiet_libraries()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names need not be Unicode, nor a terminal UTF-8: neither may end a command.
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(_run(words, debug=debug))


def _run(words: list[str], *, debug: bool) -> int:
    try:
        code = _app(words)(words, prog_name="zoo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except KeyboardInterrupt:
        code = failures.report(failures.Interrupted(), debug=debug)
    except BrokenPipeError:
        code = failures.FAILED  # the reader had enough, as `head` does: nothing is left to tell
    except Exception as failure:
        code = failures.report(failure, debug=debug)
    _end_stdout()
    return code


def _end_stdout() -> None:
    """Write out the rest; where that fails, keep Python from trying, and telling of it, once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Group(TyperGroup):
    """The group of all commands."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; Ctrl-C leaves as an exception that can carry a line of text."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
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
    named = next((word for word in words if not word.startswith("-")), "")
    for name in [named] if named in _COMMANDS else _COMMANDS:
        module_name, panel = _COMMANDS[name]
        module = importlib.import_module(f"zoo.cli.{module_name}")
        if name == "hub":
            app.add_typer(module.app, name=name, rich_help_panel=panel)
        else:
            app.command(name, rich_help_panel=panel)(getattr(module, name))
    return app


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
) -> None:
    # --debug is taken out of the arguments before typer sees them; here it is for the help.
    pass


def _take_debug(words: list[str]) -> tuple[bool, list[str]]:
    """``--debug`` is understood before and after a command, up to a ``--``."""
    end = words.index("--") if "--" in words else len(words)
    options = [word for word in words[:end] if word != "--debug"]
    return len(options) < end, options + words[end:]


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


__all__ = ["main"]
