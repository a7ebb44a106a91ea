"""Bounds on the program of a stranger that runs in this process: its steps, and its memory.

Steps are counted rather than seconds, so that a busy machine refuses no more than an idle one.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

_MEMORY = 512 << 20  # bytes, beyond what the process has already
_ONE = threading.Lock()  # the limit on memory is the whole process's


class TooMuch(Exception):
    """A program went beyond its bounds."""


@contextlib.contextmanager
def bounded(file: str, steps: int) -> Iterator[None]:
    """Inside, code that was compiled as ``file`` goes through so many lines at most.

    Where the system can tell, no more memory is given than a few hundred megabytes.

    Raises:
        TooMuch: after these lines, or where it wants more.
    """
    left = steps

    def count(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise TooMuch(f"it was not done after {steps:,} steps")
        return count

    def enter(frame: FrameType, event: str, _: Any) -> Any:
        return count if frame.f_code.co_filename == file else None

    before = sys.gettrace()
    with _ONE, _little_memory():
        sys.settrace(enter)
        try:
            yield
        except MemoryError as err:
            raise TooMuch("it fills the memory") from err
        finally:
            sys.settrace(before)


@contextlib.contextmanager
def _little_memory() -> Iterator[None]:
    try:
        import resource

        with open("/proc/self/statm") as file:
            held = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):  # no such limit, or nobody says what is held
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limits = [limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([held + _MEMORY, *limits]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
