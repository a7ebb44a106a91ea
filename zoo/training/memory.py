"""Running out of memory: recognised on every device, and met by computing fewer rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from zoo.errors import TrainingFailed

T = TypeVar("T")

_CPU = "not enough memory"  # of torch's allocator on the CPU, which raises a plain RuntimeError


def is_out_of_memory(err: BaseException) -> bool:
    """Whether ``err`` says that a tensor found no room."""
    if isinstance(err, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(err, RuntimeError) and _CPU in str(err)


def halving(compute: Callable[[int], T], rows: int, stage: str, tell: Callable[[str], None]) -> T:
    """``compute`` with ``rows`` at a time, or with half as many for as long as memory runs out.

    Raises:
        TrainingFailed: there is no room for a single row.
    """
    while True:
        try:
            return compute(rows)
        except (RuntimeError, MemoryError) as err:
            if not is_out_of_memory(err):
                raise
            rows = fewer(rows, err)
        release()
        tell(f"Out of memory while {stage}: going on with {rows} rows at a time.")


def fewer(rows: int, err: BaseException) -> int:
    """Half as many.

    Raises:
        TrainingFailed: it was one.
    """
    if rows == 1:
        raise TrainingFailed(
            "Out of memory with a single row at a time.",
            hint="Choose a smaller backbone or an adapter that trains less, e.g. `linear-probe`; "
            "or free memory: other programs may hold it.",
        ) from err
    return rows // 2


def release() -> None:
    """Give back what the failed attempt has left."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
