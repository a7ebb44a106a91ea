"""How a command ends: the exit code, and one or two lines on stderr that say what to do."""

from __future__ import annotations

import errno
import os
import re
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from zoo.cli.output import one_line, say
from zoo.errors import WriteFailed, ZooError
from zoo.tokens import redacted

if TYPE_CHECKING:
    from zoo.host import PluginRecord

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130

# typer carries its own copy of click or uses the installed one, depending on its version; the
# base of its public exception is the right UsageError in both.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

_EXTRA = re.compile(r"unexpected extra argument(?:\(s\)|s)? \((.+)\)")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Interrupted(Exception):
    """Ctrl-C, on its way past typer, which would end silently on KeyboardInterrupt itself."""


class Left(Exception):
    """Somebody asked to end the process, which commands of zoo never do: the cause is told."""


def report(failure: BaseException, *, debug: bool) -> int:
    """Print what went wrong, without the tokens in it, and return the exit code.

    Args:
        failure: what the command ended with.
        debug: print the stack trace first.
    """
    if debug:
        say(redacted("".join(traceback.format_exception(failure)).rstrip()))
    code, message, hint = _explain(failure)
    say(redacted(message if code == INTERRUPTED else f"Error: {message}"))
    if hint:
        say(redacted(hint))
    return code


def _explain(failure: BaseException) -> tuple[int, str, str]:
    if isinstance(failure, Interrupted):
        return INTERRUPTED, one_line(failure) or "Interrupted.", ""
    full = next((cause for cause in _causes(failure) if _means_full(cause)), None)
    if full is not None and not isinstance(failure, WriteFailed):  # which says where it is full
        return FAILED, _disk_full(full), "Free some space and type the same command again."
    if isinstance(failure, ZooError):
        return failure.exit_code, one_line(failure.message), one_line(failure.hint)
    if isinstance(failure, UsageError):
        return BAD_INPUT, *_usage(failure)
    if isinstance(failure, OSError):
        return FAILED, *_met(failure)
    if isinstance(failure, MemoryError) or type(failure).__name__ == "OutOfMemoryError":
        return FAILED, "Out of memory.", "A smaller --batch-size needs less of it."
    return FAILED, *_blame(failure.__cause__ if isinstance(failure, Left) else failure)


def _met(failure: OSError) -> tuple[str, str]:
    """What the system refused, and which plugin asked for it; that need not be its mistake."""
    record = _at_work(failure)
    if record is None:
        return one_line(failure), ""
    return f"{record.origin} met {_said(failure)}", "`--debug` shows where."


def _blame(failure: BaseException | None) -> tuple[str, str]:
    """Whose mistake it is: a plugin's, where its code is in the stack, or else zoo's."""
    assert failure is not None, "what left has a cause"
    record = _at_work(failure)
    if record is None:
        return f"{_said(failure)} (this is a bug in zoo; `--debug` shows where)", ""
    hint = f"`--debug` shows where. Report it to the authors of {record.distribution}."
    return f"{record.origin} failed: {_said(failure)}", hint


def _said(failure: BaseException) -> str:
    from zoo.host.raised import Raised

    return one_line(Raised(failure), limit=300)


def _at_work(failure: BaseException) -> PluginRecord | None:
    """The plugin whose code is innermost in the stack."""
    from zoo.host import installed

    # Of a host that is not there yet, no plugin was asked for anything.
    return installed().whose(failure) if installed.cache_info().currsize else None


def _usage(failure: BaseException) -> tuple[str, str]:
    # `ctx` and `format_message` are click's; UsageError has no type here, see above.
    context = getattr(failure, "ctx", None)
    command = context.command_path if context else "zoo"
    message = getattr(failure, "format_message", failure.__str__)()
    if (extra := _EXTRA.search(message)) and all(map(os.path.exists, extra[1].split())):
        return (
            f"{command} takes one path here, and got several, {extra[1]} among them.",
            "A pattern goes in quotes, so that the shell leaves it as it is, e.g. `'data/*.csv'`.",
        )
    # A group of commands on its own prints its help, and is no more than that.
    return one_line(
        message
    ) or f"{command} needs a command.", f"`{command} --help` shows what it takes."


def _causes(failure: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while failure is not None and id(failure) not in seen:
        seen.add(id(failure))
        yield failure
        failure = failure.__cause__ or failure.__context__


def _means_full(failure: BaseException) -> bool:
    if isinstance(failure, OSError) and failure.errno is not None:
        return failure.errno in _FULL
    # safetensors and torch write through their own code and give the text alone.
    return "No space left on device" in str(failure)


def _disk_full(failure: BaseException) -> str:
    path = getattr(failure, "filename", None)
    return f"The disk is full{f': {one_line(path)} could not be written' if path else ''}."
