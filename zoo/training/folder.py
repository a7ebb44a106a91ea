"""Run directories appear whole or not at all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import OutputExists
from zoo.report.record import RECORD


@contextlib.contextmanager
def staged(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A fresh directory that becomes ``out`` when the block ends, and vanishes if it raises.

    Raises:
        OutputExists: ``out`` holds something, and it is no run or ``overwrite`` was not given.
    """
    require_free(out, overwrite=overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)  # what a killed run left
    partial.mkdir()
    try:
        yield partial
        _swap(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_free(out: Path, *, overwrite: bool) -> None:
    """Refuse to lose what ``out`` holds.

    Raises:
        OutputExists: it is no run, or one and ``overwrite`` was not given.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / RECORD).is_file():
        raise OutputExists(
            f"{out} holds something that is not a run.", hint="Choose another `--out`."
        )
    if not overwrite:
        raise OutputExists(
            f"{out} holds an earlier run.", hint="Choose another `--out`, or add `--overwrite`."
        )


def _swap(partial: Path, out: Path) -> None:
    old = out.parent / f".{out.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    partial.rename(out)
    shutil.rmtree(old, ignore_errors=True)
