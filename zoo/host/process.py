"""What all code in a process shares, and putting back what a plugin changed of it.

What was there stays: the working directory, the recursion limit, the variables of the environment,
the folders that modules are looked for in, and the modules. A plugin may add to these; folders that
it adds are behind the others, so that no module of theirs hides one of a neighbour's.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Collection, Iterator
from operator import is_
from types import ModuleType

_SHOWN = 3


class Shared:
    """The state of the process, as it is to be after each piece of a plugin's code."""

    def __init__(self) -> None:
        self._environ, self._path = os.environ, sys.path
        self._depth = sys.getrecursionlimit()
        self._folder = _folder()
        # As the system has them: decoding all takes longer than everything else here.
        self._encoded = vars(os.environ)["_data"]
        self._variables = dict(self._encoded)
        self._folders = list(sys.path)
        self._modules: dict[str, ModuleType] = {}
        self.look()

    def look(self) -> None:
        """Take in the modules that were imported meanwhile, and not those that still are."""
        if len(sys.modules) == len(self._modules):
            return
        self._modules |= {
            name: module
            for name, module in sys.modules.copy().items()
            if name not in self._modules and _is_there_to_stay(name, module)
        }

    def put_back(self) -> list[str]:
        """Make it as it was; returns what was changed of it, in words."""
        mends = (
            self._put_back_depth,
            self._put_back_folder,
            self._put_back_variables,
            self._put_back_path,
            self._put_back_modules,
        )
        return [what for mend in mends for what in mend()]

    def _put_back_depth(self) -> Iterator[str]:
        if sys.getrecursionlimit() != self._depth:
            sys.setrecursionlimit(self._depth)
            yield "changed the recursion limit"

    def _put_back_folder(self) -> Iterator[str]:
        if self._folder and _folder() != self._folder:
            with contextlib.suppress(OSError):  # it was removed
                os.chdir(self._folder)
            yield "changed the working directory"

    def _put_back_variables(self) -> Iterator[str]:
        os.environ = self._environ  # noqa: B003  # the very one, with what it tells the C library
        now = dict(self._encoded)
        if now == self._variables:
            return
        lost = {name: v for name, v in self._variables.items() if now.get(name) != v}
        self._variables = now | lost
        readable = {os.fsdecode(name): os.fsdecode(value) for name, value in lost.items()}
        os.environ.update(readable)
        if readable:
            yield f"changed {_some(readable)} in the environment"

    def _put_back_path(self) -> Iterator[str]:
        now = list(sys.path)
        sys.path = self._path
        if now == self._folders == self._path:
            return
        lost = [folder for folder in self._folders if folder not in now]
        self._folders += [folder for folder in now if folder not in self._folders]
        sys.path[:] = self._folders
        if lost:
            yield f"took {_some(lost)} from sys.path"

    def _put_back_modules(self) -> Iterator[str]:
        now = list(sys.modules.values())
        # Names keep their places, so one pass in C tells that all are there.
        if len(now) >= len(self._modules) and all(map(is_, self._modules.values(), now)):
            return
        lost = {name: m for name, m in self._modules.items() if sys.modules.get(name) is not m}
        sys.modules.update(lost)
        if lost:
            yield f"took {_some(lost)} from sys.modules"


def _is_there_to_stay(name: str, module: object) -> bool:
    """Whether no thread that was left behind is importing it, or has just failed to."""
    # In this order: where an import fails, the module goes first and is marked as done after.
    importing = getattr(getattr(module, "__spec__", None), "_initializing", False)
    return not importing and sys.modules.get(name) is module


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it is there no more
        return ""


def _some(names: Collection[str]) -> str:
    return ", ".join(sorted(names)[:_SHOWN]) + (" …" if len(names) > _SHOWN else "")
