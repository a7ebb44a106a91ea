"""The forms that names and loaders of every spec have."""

from __future__ import annotations

import functools
import re

from zoo.errors import InvalidSpec

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*\Z")
_WORD = re.compile(r"[a-z][a-z0-9-]*\Z")
_IMPORT_STRING = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


def require_name(kind: str, name: str, form: re.Pattern[str] = _NAME) -> None:
    """Refuse a name that is not of the form.

    Raises:
        InvalidSpec: it is not.
    """
    if not form.match(name):
        raise InvalidSpec(
            f"{kind} name {name!r} is not valid: lower-case letters, digits, '.', '_' and '-' only."
        )


def require_word(kind: str, name: str) -> None:
    """Refuse what cannot be typed as one word, like a command.

    Raises:
        InvalidSpec: it cannot.
    """
    if not (isinstance(name, str) and _WORD.match(name)):
        raise InvalidSpec(
            f"{kind} name {name!r} is not valid: lower-case letters, digits and '-' only."
        )


def require_import_string(name: str, loader: str) -> None:
    """Refuse what does not say where something can be imported.

    Raises:
        InvalidSpec: it does not.
    """
    if not _is_import_string(loader):
        raise InvalidSpec(
            f"{name}: loader {loader!r} is not of the form 'package.module:attribute'."
        )


@functools.lru_cache(maxsize=256)
def _is_import_string(text: str) -> bool:
    return _IMPORT_STRING.match(text) is not None  # of a whole catalogue usually the same one
