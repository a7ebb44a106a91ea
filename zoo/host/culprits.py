"""Whose doing a change is."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from types import CodeType

from zoo.host.record import PluginRecord
from zoo.host.tampering import Change, package_of


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
