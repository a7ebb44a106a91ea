"""Where a run is written: whole or not at all, with a place beside it for what is not finished yet.

``RUN/checkpoint`` holds all that going on needs. A finished run takes the place of ``RUN`` in one
step; until then an earlier run there is as it was.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from zoo.artifact import atomic
from zoo.errors import NothingToResume, OutputExists, WriteFailed
from zoo.report.record import RECORD, read_record
from zoo.training.request import REQUEST

CHECKPOINT = "checkpoint"
LOGS = "logs"  # of callbacks, in it; in a finished run each has its own name


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
    if not out.exists():
        return
    begun = is_begun(out)
    other = not out.is_dir() or any(path.name != CHECKPOINT for path in out.iterdir())
    if not begun and not other:
        return
    if other and not (out / RECORD).is_file():
        raise OutputExists(
            f"{out} holds something that is not a run.", hint="Choose another `--out`."
        )
    if overwrite:
        return
    if begun:
        raise OutputExists(
            f"{out} holds a fit that is not finished.",
            hint=f"`zoo fit --resume {out}` goes on with it; `--overwrite` begins anew.",
        )
    raise OutputExists(
        f"{out} holds an earlier run.", hint="Choose another `--out`, or add `--overwrite`."
    )


def require_begun(out: Path) -> None:
    """Refuse to go on where nothing was begun.

    Raises:
        NothingToResume: there is no fit, or it is finished.
    """
    if is_begun(out):
        return
    if (out / RECORD).is_file():
        raise NothingToResume(
            f"{out} is a {read_record(out).status} run; there is nothing left to do.",
            hint=f"`zoo report {out}` shows it; a new fit wants another `--out`, or `--overwrite`.",
        )
    raise NothingToResume(
        f"{out} holds no fit that was begun.", hint="Begin one: `zoo fit DATA --out RUN`."
    )


def is_begun(out: Path) -> bool:
    """Whether ``out`` holds a fit that can be gone on with."""
    return (out / CHECKPOINT / REQUEST).is_file()


@contextlib.contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """``out/checkpoint``, for this process alone.

    Where the block raises before any checkpoint was written, it is removed.

    Raises:
        OutputExists: another process is fitting there, or this one stands in ``out``.
        WriteFailed: the place cannot be written.
    """
    atomic.require_elsewhere(out.resolve())
    folder, made = out / CHECKPOINT, not out.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = atomic.lock(folder)
    except OSError as err:
        raise WriteFailed(
            f"{out} could not be written: {err.strerror}; nothing was changed.",
            hint="Choose another place to write to.",
        ) from err
    if held is None and importlib.util.find_spec("fcntl"):
        raise OutputExists(
            f"Another process is fitting into {out} at this moment.",
            hint="Wait for it, or choose another `--out`.",
        )
    try:
        yield folder
    except BaseException:
        if folder.is_dir() and not any(path.name.isdecimal() for path in folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
            if made:
                with contextlib.suppress(OSError):  # something else is in it
                    out.rmdir()
        raise
    finally:
        if held is not None:
            os.close(held)


def keep_checkpoint(folder: Path, run: Path) -> None:
    """Give a run that was cut short what going on needs: links to its files, which never change."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and LOGS not in path.relative_to(folder).parts:
            target = run / CHECKPOINT / path.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(path, target)
            except OSError:  # no links on this file system
                shutil.copy2(path, target)
