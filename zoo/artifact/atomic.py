"""Folders that appear whole or not at all, whatever interrupts the writing of them."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import OutputExists, WriteFailed

_UNFINISHED = ".zoo-new"
_REPLACED = ".zoo-old"


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A new, empty folder that takes the place of ``folder`` when the block ends.

    If the block raises, or the process dies at any moment, ``folder`` is as it was or wholly new.
    What a killed process left beside it is removed the next time.

    Raises:
        WriteFailed: the disk is full or the place cannot be written; nothing was changed.
        OutputExists: this process is in ``folder``, and would be left in what was replaced.
    """
    folder = folder.resolve()
    require_elsewhere(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        recover(folder)
        _sweep(folder)
        fresh = folder.parent / f".{folder.name}.{secrets.token_hex(4)}{_UNFINISHED}"
        try:
            fresh.mkdir()
            with _held(fresh):
                yield fresh
                _sync(fresh)
                _put(fresh, folder)
        finally:  # by now it is unfinished, or holds what was replaced, or is gone
            _remove(fresh)
            recover(folder)
    except OSError as err:
        raise _write_failed(folder, err) from err


def write(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on the disk."""
    with path.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def recover(folder: Path) -> None:
    """Put back what a process set aside and was killed before replacing.

    Only needed where the system cannot exchange two folders in one step.
    """
    aside = _aside(folder)
    if aside.exists() and not folder.exists():
        aside.rename(folder)


def require_elsewhere(folder: Path) -> None:
    """Refuse to replace the folder that this process is in.

    Raises:
        OutputExists: it is in it.
    """
    with contextlib.suppress(FileNotFoundError):  # of a process whose own directory is gone
        if Path.cwd().is_relative_to(folder):
            raise OutputExists(
                f"{folder} is the directory you are in; it cannot be replaced as a whole.",
                hint="Name a new directory.",
            )


def _aside(folder: Path) -> Path:
    return folder.parent / f".{folder.name}{_REPLACED}"


def _put(fresh: Path, folder: Path) -> None:
    if not folder.exists():
        fresh.rename(folder)
    elif not _exchange(fresh, folder):
        folder.rename(_aside(folder))
        fresh.rename(folder)
        shutil.rmtree(_aside(folder), ignore_errors=True)
    _sync(folder.parent)


def _exchange(one: Path, other: Path) -> bool:
    """Let two folders change places in one step; ``False`` where the system has no such step."""
    if sys.platform not in ("linux", "darwin"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    if hasattr(library, "renameat2"):
        at, flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
        failed = library.renameat2(at, os.fsencode(one), at, os.fsencode(other), flag)
    elif hasattr(library, "renamex_np"):
        failed = library.renamex_np(os.fsencode(one), os.fsencode(other), 2)  # RENAME_SWAP
    else:
        return False
    if not failed:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP):
        return False
    raise OSError(code, os.strerror(code))


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Mark a folder as in use for as long as this process lives."""
    descriptor = lock(folder)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def lock(folder: Path) -> int | None:
    """A locked descriptor; ``None`` where somebody else holds it or the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(folder: Path) -> None:
    """Remove what killed processes left: unfinished folders that nobody holds."""
    for left in folder.parent.iterdir():
        if left.name.startswith(f".{folder.name}.") and left.name.endswith(_UNFINISHED):
            descriptor = lock(left)
            if descriptor is not None:
                shutil.rmtree(left, ignore_errors=True)
                os.close(descriptor)
    if folder.exists():
        shutil.rmtree(_aside(folder), ignore_errors=True)


def _remove(folder: Path) -> None:
    """Remove a folder, even where Ctrl-C comes once more."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except (KeyboardInterrupt, OSError) as err:  # OSError: it came while rmtree closed a folder
        shutil.rmtree(folder, ignore_errors=True)
        raise KeyboardInterrupt from err


def _sync(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # not every file system can
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_failed(folder: Path, err: OSError) -> WriteFailed:
    reason = err.strerror or str(err)
    hint = "Choose another place to write to."
    if err.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = f"Make room on that disk, or choose another place: {folder.parent} is full."
    return WriteFailed(f"{folder} could not be written: {reason}; nothing was changed.", hint=hint)
