"""How long work tells how far it has come: one small protocol, silent or with rich bars.

Library code never prints; it is handed one of these.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console

Advance = Callable[[int], None]


class Progress(Protocol):
    """Somebody to tell."""

    def stage(self, name: str, total: int) -> contextlib.AbstractContextManager[Advance]:
        """A piece of work of ``total`` units; call the returned function with units done."""

    def note(self, text: str) -> None:
        """One line of talk."""


class Silent:
    """Tells nobody."""

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """Do nothing."""
        yield lambda units: None

    def note(self, text: str) -> None:
        """Do nothing."""


class Bars:
    """rich progress bars and lines on stderr."""

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """A bar that goes away when the stage is done."""
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with RichProgress(*columns, console=_stderr(), transient=True) as bars:
            task = bars.add_task(name, total=total)
            yield lambda units: bars.advance(task, units)

    def note(self, text: str) -> None:
        """A line on stderr."""
        _stderr().print(text, highlight=False, markup=False)


def default() -> Progress:
    """Bars where stderr is a terminal, silence elsewhere."""
    return Bars() if sys.stderr.isatty() else Silent()


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)
