"""What a plugin's code raised, as plain text.

An exception is code of whoever wrote its class: saying what it says can raise, print, or take for
ever. It is done where the plugin's code runs, and the rest of zoo sees the text alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zoo.host.record import PluginRecord
from zoo.host.tampering import package_of

_LONGEST = 4000  # characters of a message


class Raised(Exception):
    """In place of a plugin's exception, whose stack it has.

    Attributes:
        library: what an import error says could not be had; empty for other errors.
        missing: whether that is not installed at all.
    """

    def __init__(self, error: BaseException) -> None:
        kind = _read(lambda: type(error).__name__, "an exception")
        text = _read(lambda: str(error), "(its message cannot be read)")
        super().__init__(": ".join(filter(None, (kind, text[:_LONGEST]))))
        self.library = _read(lambda: error.name if isinstance(error, ImportError) else "", "")
        self.missing = issubclass(type(error), ModuleNotFoundError)
        self.__traceback__ = error.__traceback__


def raised_by(error: BaseException, owners: Mapping[str, PluginRecord]) -> PluginRecord | None:
    """The plugin in whose code, or in what that called, an error was raised; ``None`` for nobody's.

    Args:
        error: with the stack that it came up through.
        owners: plugins by package.
    """
    found, step = None, error.__traceback__
    while step is not None:
        found = owners.get(package_of(str(step.tb_frame.f_globals.get("__name__"))), found)
        step = step.tb_next
    return found


def _read(get: Callable[[], Any], otherwise: str) -> str:
    try:
        return str.__str__(get())  # a copy, where the text is of a class of their own
    except BaseException:
        return otherwise
