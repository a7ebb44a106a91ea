"""Callbacks: what is told how a fit goes. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.host import installed
from zoo.host.raised import Raised


class Callback:
    """Base class of what wants to know how a fit goes; override what is of interest.

    It is called in the first process alone, and cannot change the fit. What it raises is told, and it
    is asked no more.
    """

    def begin(self, folder: Path, request: Mapping[str, Any]) -> None:
        """A fit begins, or goes on.

        Args:
            folder: empty, for files of its own; it becomes a folder of the run.
            request: model, data and training, as plain data.
        """

    def step(self, line: Mapping[str, Any]) -> None:
        """A step of training is over; after a resume those since the checkpoint come again.

        Args:
            line: ``epoch``, ``step`` from the first of the fit, ``loss`` and ``lr``.
        """

    def epoch(self, line: Mapping[str, Any]) -> None:
        """An epoch is over; after a resume those before come again.

        Args:
            line: as in ``metrics.jsonl``: ``epoch``, ``val`` with its metrics, and after training
                ``train_loss``, ``lr`` and ``seconds``.
        """

    def end(self, record: Mapping[str, Any]) -> None:
        """The fit is over; ``record`` is what ``run.json`` will say."""


class Callbacks:
    """Those of one fit, none of which can harm it.

    Args:
        callbacks: by name.
        tell: is told of one that broke.
    """

    def __init__(self, callbacks: Mapping[str, Callback], tell: Callable[[str], None]) -> None:
        self._callbacks = dict(callbacks)
        self._tell = tell

    def begin(self, folder: Path, request: Mapping[str, Any]) -> None:
        """Tell all that the fit begins, each with a folder in ``folder``."""
        for name in list(self._callbacks):
            (folder / name).mkdir()
            self._call(name, "begin", folder / name, request)

    @property
    def want_steps(self) -> bool:
        """Whether any of them is told of steps."""
        return any(type(each).step is not Callback.step for each in self._callbacks.values())

    def step(self, line: Mapping[str, Any]) -> None:
        """Tell all of a step."""
        for name in list(self._callbacks):
            self._call(name, "step", line)

    def epoch(self, line: Mapping[str, Any]) -> None:
        """Tell all of an epoch."""
        for name in list(self._callbacks):
            self._call(name, "epoch", line)

    def end(self, record: Mapping[str, Any]) -> None:
        """Tell all that the fit is over."""
        for name in list(self._callbacks):
            self._call(name, "end", record)

    def _call(self, name: str, what: str, *given: object) -> None:
        try:
            getattr(self._callbacks[name], what)(*given)
        except KeyboardInterrupt:
            raise
        except BaseException as err:  # sys.exit included
            del self._callbacks[name]
            reason = str(Raised(err)).strip().partition("\n")[0]
            self._tell(f"The callback {name} broke and is told no more: {reason}")


def make_callbacks(asked: Sequence[str | Callback]) -> dict[str, Callback]:
    """Callbacks by name, made by their plugins or given as they are.

    Raises:
        UnknownName, NameClash: no plugin, or two, provide it.
        PluginError: it cannot be made.
    """
    found: dict[str, Callback] = {}
    for each in asked:
        if isinstance(each, str):
            found[each] = installed().make(installed().callback(each))
        else:
            found[type(each).__name__.lower()] = each
    return found
