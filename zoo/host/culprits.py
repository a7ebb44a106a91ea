"""Whose doing a change is, and running a plugin's code so that what it changes is found out."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType
from typing import TypeVar

from zoo.host.record import PluginRecord
from zoo.host.tampering import Change, Tampered, Watch, owners, package_of, undo

T = TypeVar("T")
_SHOWN = 3


def watched(piece: Callable[[], T], ours: Watch, others: Watch, package: str) -> T:
    """Run a piece of the code of ``package``.

    Raises:
        Tampered: it replaced something of zoo's, or of a module that it was the first to import;
            what was replaced is as before.
    """
    try:
        return piece()
    finally:
        changes = ours.changes()
        undo(changes)
        planted = _planted([*ours.look(), *others.look()], package)
        if changes or planted:
            named = [str(change) for change in changes] + planted
            more = " …" if len(named) > _SHOWN else ""
            raise Tampered(f"replaced {', '.join(named[:_SHOWN])}{more}") from None


def culprits(change: Change, records: Sequence[PluginRecord]) -> list[PluginRecord]:
    """The plugins that changed another one's module.

    It is told by where the new object was written, or else by whose hook module speaks of both the
    module and the name. Plugins may fill in globals of their own, with objects of others' too: what
    held a function or a class before is no such blank.
    """
    others = [r for r in records if package_of(r.module) != package_of(change.path)]
    if callable(change.before):
        wrote = [r for r in others if package_of(r.module) == change.made_in]
        if wrote:
            return wrote
    return [record for record in others if _speaks_of(record, change)]


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


def _speaks_of(record: PluginRecord, change: Change) -> bool:
    module = record.module.partition(":")[0].strip()
    code = None
    with contextlib.suppress(Exception):  # of its finder: then nothing can be said
        spec = importlib.util.find_spec(module)
        code = spec.loader.get_code(module) if spec and spec.loader else None  # type: ignore[attr-defined]
    if code is None:
        return False
    words = set(_words(code))
    return change.name in words and package_of(change.path) in {package_of(w) for w in words}


def _words(code: CodeType) -> Iterator[str]:
    """Every name and text in a piece of compiled code."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from _words(constant)
