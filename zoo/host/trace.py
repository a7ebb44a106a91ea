"""A line on stderr for every load of a plugin and every call of a hook, where it is asked for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def traced(what: str, piece: Callable[[], T]) -> Callable[[], T]:
    """``piece``, which says when it begins and how it ends; the first tells of a crash as well."""

    def run() -> T:
        start = time.perf_counter()
        _say(f"{what} …")
        ending = "done"
        try:
            return piece()
        except BaseException as err:
            ending = f"raised {type(err).__name__}"
            raise
        finally:
            _say(f"{what}: {ending} after {1000 * (time.perf_counter() - start):.1f} ms")

    return run


def _say(text: str) -> None:
    # A plugin decides what it is called, not what that does to a terminal.
    sys.stderr.write(f"trace: {''.join(c if c.isprintable() else '?' for c in text)}\n")
