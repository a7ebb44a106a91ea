"""Which versions of the plugin API a host works with."""

from __future__ import annotations

import re

from zoo.hookspecs import API_VERSION
from zoo.host.record import PluginRecord

DECLARATION = "ZOO_API"
_VERSION = re.compile(r"(\d+)\.(\d+)\Z")


def agrees(record: PluginRecord, declared: object) -> bool:
    """Whether the host can use a plugin that declares this version; if not, the record says why.

    A version works with plugins made for it and for the one before, whose deprecated hooks and
    arguments still do. One that declares nothing is taken at its word.
    """
    if declared is None:
        return True
    theirs = _VERSION.match(declared) if isinstance(declared, str) else None
    if theirs is None:
        record.break_with(
            f"{DECLARATION} = {_shown(declared)} is not a version of the plugin API",
            f"It is a string such as {API_VERSION!r}.",
        )
        return False
    major, minor = (int(part) for part in theirs.groups())
    ours, newest = (int(part) for part in API_VERSION.split("."))
    if major == ours and newest - 1 <= minor <= newest:
        return True
    newer = (major, minor) > (ours, newest)
    remedy = (
        f"Upgrade zoo: `pip install --upgrade zoo`, or install an older {record.distribution}."
        if newer
        else f"Upgrade it: `zoo plugin install --upgrade {record.distribution}`."
    )
    record.end_as(
        "skipped",
        f"made for version {declared} of the plugin API; this zoo has {API_VERSION}",
        remedy,
    )
    return False


def _shown(declared: object) -> str:
    """As it was written where it is a plain value, so that ``0.1`` does not look like ``'0.1'``."""
    plain = type(declared) in (str, int, float, bool)
    return repr(declared)[:40] if plain else f"a {type(declared).__name__}"
