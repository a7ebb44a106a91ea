"""How long work tells how far it has come: one small protocol, silent or with rich bars.

Library code never prints; it is handed one of these.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from zoo.tokens import redacted

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

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


class Lines(Silent):
    """Notes as lines on stderr, for a log: nothing moves there."""

    def note(self, text: str) -> None:
        """A line on stderr."""
        sys.stderr.write(_one_line(text) + "\n")


class Bars:
    """rich progress bars and lines on stderr. Stages nest: each is a bar of its own."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._live: RichProgress | None = None

    @contextlib.contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:
        """A bar that goes away when the stage is done."""
        # rich keeps one live display a console, so that inner stages join the outer one's.
        outermost = self._live is None
        bars = self._live = self._live or self._start()
        task = bars.add_task(_one_line(name), total=total)
        try:
            yield lambda units: bars.advance(task, units)
        finally:
            bars.remove_task(task)
            if outermost:
                bars.stop()
                self._live = None

    def note(self, text: str) -> None:
        """A line on stderr, above the bars."""
        self._console.print(_one_line(text), highlight=False, markup=False, soft_wrap=True)

    def _start(self) -> RichProgress:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        bars.start()
        return bars


def default() -> Progress:
    """Bars where stderr is a terminal, lines elsewhere."""
    return Bars() if sys.stderr.isatty() else Lines()


def _one_line(text: str) -> str:
    """Labels, file names and what hubs say come from others: no escape is obeyed, no token shown."""
    shown = redacted(text)
    return "".join(character if character.isprintable() else " " for character in shown)
