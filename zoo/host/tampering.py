"""Noticing that a plugin replaced something of zoo or of another plugin, and putting it back.

What counts is an attribute of a module, or of a class defined there, that existed before and is now
another object. zoo itself and what of Python it stands on are looked at after every piece of a
plugin's code (:mod:`zoo.host.guard`). Other plugins' modules are looked at once after all of them,
which keeps the cost in proportion to the number of plugins; :mod:`zoo.host.culprits` tells who
changed them.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import is_
from types import ModuleType
from typing import Any

_GONE = object()
_Holder = tuple[Any, str, dict[str, Any]]  # a module or class, its full name, what it held


class Tampered(Exception):
    """A plugin replaced something that is not its own."""


@dataclass(frozen=True)
class Change:
    """An attribute that is another object than it was."""

    owner: Any
    path: str
    name: str
    before: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.path}.{self.name}"

    def undo(self) -> None:
        """Put back what was there."""
        setattr(self.owner, self.name, self.before)

    @property
    def made_in(self) -> str:
        """The package in which what is there now was written; empty where it does not say."""
        return package_of(str(getattr(self.now, "__module__", "")))


class Watch:
    """What the modules of some packages hold, and whether they still do.

    Args:
        packages: those to look at.
    """

    def __init__(self, packages: Collection[str]) -> None:
        self._packages = frozenset(packages)
        self._seen: list[tuple[tuple[Any, ...], Collection[Any], _Holder]] = []
        self._modules: set[str] = set()
        self._count = 0
        self.look()

    def look(self) -> list[str]:
        """Take in the modules that were imported since the last look, and name them."""
        if len(sys.modules) == self._count:
            return []
        taken: list[str] = []
        # Copied first: a thread that was left behind may import while pairs are made.
        fresh = [item for item in sys.modules.copy().items() if item[0] not in self._modules]
        self._count = len(sys.modules)
        self._modules.update(name for name, _ in fresh)
        for name, module in fresh:
            if package_of(name) in self._packages and isinstance(module, ModuleType):
                taken.append(name)
                for owner, path in owners(module, name):
                    held, now = dict(vars(owner)), vars(owner).values()
                    self._seen.append((tuple(held.values()), now, (owner, path, held)))
        return taken

    def changes(self) -> list[Change]:
        """What is not as it was when it was taken in."""
        return [
            change
            for before, now, holder in self._seen
            # Names keep their places, so one pass in C tells that nothing was replaced.
            if not all(map(is_, before, now)) or len(now) < len(before)
            for change in _differences(*holder)
        ]


def package_of(module: str) -> str:
    """The package at the top: ``zoo_mine`` of ``zoo_mine.hooks``, with or without ``:object``."""
    return module.partition(".")[0].partition(":")[0].strip()


def undo(changes: Iterable[Change]) -> None:
    """Put everything back."""
    for change in changes:
        change.undo()


def owners(module: ModuleType, name: str) -> Iterator[tuple[Any, str]]:
    """A module and the classes defined there, each with its full name."""
    yield module, name
    if name == "builtins":
        return  # its classes cannot be changed, and have thousands of attributes to look at
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == name:
            yield value, f"{name}.{value.__qualname__}"


def _differences(owner: Any, path: str, held: dict[str, Any]) -> Iterator[Change]:
    now = vars(owner)
    for name, before in held.items():
        value = now.get(name, _GONE)
        # The import system itself sets a package's attributes when its modules are imported.
        if value is not before and value is not sys.modules.get(f"{path}.{name}", before):
            yield Change(owner, path, name, before, value)
