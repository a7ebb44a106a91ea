"""Running a plugin's code so that what it changes of others' is found out and put back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from zoo.host.process import Shared
from zoo.host.tampering import Change, Tampered, Watch, owners, package_of, undo

T = TypeVar("T")
_SHOWN = 3
_ZOO = "zoo"
# Whose functions and classes zoo and all plugins need as they are.
_PYTHON = ("builtins", "importlib", "json", "os", "pathlib", "sys", "threading")


class Guard:
    """Over zoo, Python's own modules and what a process shares; and over other plugins' modules.

    Args:
        packages: those of plugins.
    """

    def __init__(self, packages: Collection[str]) -> None:
        self._shared = Shared()
        self._ours = Watch((_ZOO, *_PYTHON))
        self._others = Watch(packages)
        self._running: object = None

    def run(self, piece: Callable[[], T], package: str) -> T:
        """Run a piece of the code of ``package``.

        Raises:
            Tampered: it changed something of zoo's or of Python's, what a process shares, or a
                module that it was the first to import; all that is as before.
        """
        self._shared.look()
        self._running = piece
        try:
            return piece()
        finally:
            deeds = self._deeds(package) if self._running is piece else ""
            if deeds:
                raise Tampered(deeds) from None

    def put_back(self) -> None:
        """Undo what a piece did that was left behind, before the next one begins."""
        self._running = None  # what it does later is not looked at: others run then
        self._put_back()

    def changes_of_others(self) -> list[Change]:
        """What plugins changed in other plugins' modules, since this was made."""
        return self._others.changes()

    def _deeds(self, package: str) -> str:
        changed, replaced = self._put_back()
        replaced += _planted([*self._ours.look(), *self._others.look()], package)
        if replaced:
            more = " …" if len(replaced) > _SHOWN else ""
            changed.append(f"replaced {', '.join(replaced[:_SHOWN])}{more}")
        return "; ".join(changed)

    def _put_back(self) -> tuple[list[str], list[str]]:
        changed = self._shared.put_back()
        changes = [change for change in self._ours.changes() if _counts(change)]
        undo(changes)
        return changed, [str(change) for change in changes]


def _counts(change: Change) -> bool:
    """Whether it is no state that Python's own modules keep."""
    return package_of(change.path) == _ZOO or callable(change.before)


def _planted(fresh: Iterable[str], package: str) -> list[str]:
    """What a plugin put into others' modules that it was itself the first to import.

    How they were before is not known. They are forgotten, so that the next one to import them gets
    them as they were written.
    """
    found, spoilt = [], set()
    for name in fresh:
        if package_of(name) == package:
            continue
        for owner, path in owners(sys.modules[name], name):
            for attribute, value in vars(owner).items():
                if package_of(str(getattr(value, "__module__", ""))) == package and callable(value):
                    found.append(f"{path}.{attribute}")
                    spoilt.add(name)
    for name in spoilt:
        module, (parent, _, child) = sys.modules.pop(name), name.rpartition(".")
        if parent in sys.modules and getattr(sys.modules[parent], child, None) is module:
            delattr(sys.modules[parent], child)
    return found
