"""JSON files in an artifact that stock libraries read: nothing in them but what the model itself says.

zoo never reads them to build anything, but whoever follows the card does, and a configuration is as
dangerous as code. So each is compared with the one that the rebuilt model would write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.artifact import strict_json
from zoo.artifact.anonymous import without_paths
from zoo.artifact.files import open_regular, shown
from zoo.errors import CorruptFile

MAX_BYTES = 1 << 20
_VERSION_KEY = re.compile(r"(\w+_)?version")
_VERSION = re.compile(r"\d[\w.+!-]{0,60}", re.ASCII)


def to_bytes(config: Mapping[str, Any]) -> bytes:
    """A configuration as it is written, free of paths of this machine."""
    return f"{json.dumps(without_paths(dict(config)), indent=2, sort_keys=True)}\n".encode()


def require_same(path: Path, config: Mapping[str, Any]) -> None:
    """Refuse a file that says more than ``config``, or something else.

    A key that ``config`` has not may be there without a value: other versions of a library write
    other keys.

    Raises:
        UnsafeFile: not a regular file.
        CorruptFile: not a JSON object, or not this one.
    """
    found, wanted = _read(path), json.loads(to_bytes(config))
    for key, value in found.items():
        if not _is_known(key, value, wanted):
            says = f"{wanted[key]!r}"[:80] if key in wanted else "nothing of the kind"
            raise CorruptFile(
                f"{path} says {shown(key)} = {shown(str(value))}; this model says {says}.",
                hint="A configuration can make libraries run code; this one was tampered with, or "
                "written by another version of the adapter's plugin.",
            )


def _is_known(key: str, value: Any, wanted: Mapping[str, Any]) -> bool:
    if _VERSION_KEY.fullmatch(key) and isinstance(value, str):
        return _VERSION.fullmatch(value) is not None
    if key in wanted:
        return type(value) is type(wanted[key]) and value == wanted[key]
    return value in (None, False, "", [], {}) and type(value) is not int


def _read(path: Path) -> dict[str, Any]:
    with open_regular(path) as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise CorruptFile(f"{path} is larger than {MAX_BYTES} bytes; no configuration is.")
    try:
        data = strict_json.parse(content)
    except ValueError as err:
        raise CorruptFile(f"{path} is not valid JSON: {str(err)[:200]}.") from err
    if not isinstance(data, dict):
        raise CorruptFile(f"{path} is not a JSON object.")
    return data
