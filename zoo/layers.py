"""The files that ``registry.toml`` is laid together from: shipped, the user's, the project's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import RegistryInvalid

# What may stand in a file: a table by its keys ("*" is any, "!" marks what is required), a list by
# what it holds, a value by its types. Not pydantic: importing that costs more than all the rest of
# a command that lists.
_SCALAR = (bool, int, float, str)
SHAPE: dict[str, Any] = {
    "show": [str],
    "aliases": {"*": str},
    "defaults": {
        "backbones": {"*": str},
        "adapter": str,
        "task": str,
        "baseline_adapter": str,
        "validator": str,
        "merged_adapter": str,
    },
    "recipes": {
        "*": {
            "summary!": str,
            "backbone!": str,
            "adapter!": str,
            "settings": {"*": _SCALAR},
            "training": {"*": _SCALAR},
            "chosen_for": str,
            "up_to": int,
        }
    },
    "plugins": {"disable": [str], "allow": [str]},
}


def paths() -> Iterator[Path]:
    """The files there are, later ones on top."""
    package = Path(__file__).parent
    # An editable install has the file at the root of the checkout instead.
    for shipped in (package / "registry.toml", package.parent / "registry.toml"):
        if shipped.is_file():
            yield shipped
            break
    # Unlike Path.home(), expanduser does not raise where an account has no home.
    config_home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    for path in (Path(config_home, "zoo", "registry.toml"), Path(".zoo", "registry.toml")):
        if path.exists():
            yield path


def read(path: Path) -> dict[str, Any]:
    """What one file says.

    Raises:
        RegistryInvalid: it cannot be read, is not TOML, or has a key or type that is not known.
    """
    import tomllib  # not needed by commands that only name what this module has

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise _unusable(path, str(err).splitlines()[0]) from err
    fault = next(faults(tables), "")
    if fault:
        raise _unusable(path, fault)
    return tables


def faults(value: Any, shape: Any = SHAPE, where: str = "") -> Iterator[str]:
    """What is wrong with the content of a file, each with its key."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{where}: it is a table, not {_kind(value)}."
            return
        for key, inner in value.items():
            place = f"{where}.{key}" if where else key
            expected = shape.get(key) or shape.get(f"{key}!") or shape.get("*")
            if expected is None:
                valid = ", ".join(name.rstrip("!") for name in shape)
                yield f"{place}: there is no such key; valid are {valid}."
            else:
                yield from faults(inner, expected, place)
        for key in shape:
            if key.endswith("!") and key[:-1] not in value:
                yield f"{where}.{key[:-1]}: it is missing."
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield f"{where}: it is a list, not {_kind(value)}."
            return
        for inner in value:
            yield from faults(inner, shape[0], where)
    elif not isinstance(value, shape):
        yield f"{where}: it is {_WANTED.get(shape, 'one value')}, not {_kind(value)}."


_WANTED = {str: "text", int: "a whole number"}


def _kind(value: Any) -> str:
    kind = type(value).__name__
    return {"dict": "a table", "list": "a list", "str": "text"}.get(kind, kind)


def _unusable(path: Path, reason: str) -> RegistryInvalid:
    return RegistryInvalid(
        f"{path} cannot be used: {reason}",
        hint=f"Mend or remove {path}; the format is described in docs/registry.md.",
    )
