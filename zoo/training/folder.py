"""Run directories appear whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from zoo.artifact.atomic import replacing
from zoo.errors import OutputExists
from zoo.report.record import RECORD


@contextlib.contextmanager
def staged(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """A fresh directory that becomes ``out`` when the block ends, and vanishes if it raises.

    Raises:
        OutputExists: as :func:`require_free`.
        WriteFailed: the disk is full or the place cannot be written.
    """
    require_free(out, overwrite=overwrite)
    with replacing(out) as folder:
        yield folder


def require_free(out: Path, *, overwrite: bool) -> None:
    """Refuse to lose what ``out`` holds.

    Raises:
        OutputExists: it is no run, or one and ``overwrite`` was not given; or it is to be in a file.
    """
    above = next((folder for folder in out.parents if folder.exists()), None)
    if above is not None and not above.is_dir():
        raise OutputExists(
            f"{above} is a file, so {out} cannot be made in it.", hint="Choose another `--out`."
        )
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
