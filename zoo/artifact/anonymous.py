"""What is published names no place on the machine that made it."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

_NAMESPACED = re.compile(r"([A-Za-z0-9_-]+):(?!//)(.+)", re.DOTALL)
_PATH = re.compile(r"(?:[/~]|\.{1,2}[/\\]|[A-Za-z]:[/\\]|\\\\|file:)")


def without_paths(value: Any) -> Any:
    """``value``, plain JSON data, with every path in it cut down to ``./<last part>``.

    Paths are texts that begin as one; in ``namespace:name`` the name is looked at.
    """
    if isinstance(value, str):
        return _shortened(value)
    if isinstance(value, dict):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_paths(item) for item in value]
    return value


def _shortened(text: str) -> str:
    if _PATH.match(text):
        return f"./{_last_part(text)}"
    named = _NAMESPACED.fullmatch(text)
    if named and _PATH.match(named[2]):
        return f"{named[1]}:./{_last_part(named[2])}"
    return text


def _last_part(path: str) -> str:
    return PurePath(path.replace("\\", "/")).name or "folder"
