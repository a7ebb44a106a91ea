"""Opening files that somebody else may have written: regular files only, hashed before use."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from pathlib import Path

from zoo.errors import CorruptFile, UnsafeFile
from zoo.unchanged import FileState

_FETCH_AGAIN = "Pull it again, or save the model again."
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")
_PROTOCOLS = frozenset({b"\x02", b"\x03", b"\x04", b"\x05"})


def shown(text: str, limit: int = 80) -> str:
    """Untrusted text as a message may carry it: quoted, escaped and cut."""
    return repr(text if len(text) <= limit else text[: limit - 1] + "…")


def open_regular(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; never waits on a FIFO and never follows a stray link.

    A link is followed in one case only: the snapshot folder of a Hub cache, whose files are links
    into the ``blobs`` folder of the same repo or of the cache.

    Raises:
        UnsafeFile: it is a link, a FIFO, a directory or a device.
        CorruptFile: it is missing or cannot be read.
    """
    quiet = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    resolved = _follow_cache_link(path)
    try:
        if not stat.S_ISREG(resolved.lstat().st_mode):
            raise _not_regular(path)
        descriptor = os.open(resolved, os.O_RDONLY | quiet)
    except FileNotFoundError as err:
        raise _missing(path) from err
    except OSError as err:
        raise CorruptFile(f"{path} cannot be read: {err.strerror}.") from err
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):  # changed since it was looked at
        stream.close()
        raise _not_regular(path)
    return stream


def check_file(path: Path, *, size: int, sha256: str) -> None:
    """Compare a file with what the manifest says of it.

    A file that this process has hashed, and that is the same still, is not hashed again.

    Raises:
        UnsafeFile: not a regular file, or a pickle under whatever name.
        CorruptFile: missing, or its size or bytes differ.
    """
    with open_regular(path) as stream:
        start = stream.read(9)
        if _is_pickle(start):
            raise _pickle(path, path.name)
        found = os.fstat(stream.fileno()).st_size
        if found != size:
            raise CorruptFile(
                f"{path} has {found} bytes; the manifest says {size}.", hint=_FETCH_AGAIN
            )
        digest = FileState.of([os.fstat(stream.fileno())]).once("sha256", lambda: _sha256(stream))
    if digest != sha256:
        raise CorruptFile(
            f"{path} was changed or damaged: its sha256 is {digest[:12]}…, "
            f"the manifest says {sha256[:12]}….",
            hint=_FETCH_AGAIN,
        )


def _sha256(stream: io.BufferedReader) -> str:
    stream.seek(0)
    return hashlib.file_digest(stream, "sha256").hexdigest()


def _follow_cache_link(path: Path) -> Path:
    folder = path.parent.resolve()
    path = folder / path.name
    if not path.is_symlink():
        return path
    target = path.resolve()
    repo = folder.parent.parent
    # Files that came by Xet are shared by all repos of the cache, one folder further up.
    stores = (repo / "blobs", repo.parent / "blobs")
    if folder.parent.name == "snapshots" and any(store in target.parents for store in stores):
        return target
    raise UnsafeFile(
        f"{path} is a symbolic link; zoo opens regular files only.",
        hint="Replace the link with the file itself.",
    )


def _not_regular(path: Path) -> UnsafeFile:
    kind = "a directory" if path.is_dir() else "not a regular file"
    return UnsafeFile(f"{path} is {kind}; zoo opens regular files only.")


def _missing(path: Path) -> UnsafeFile | CorruptFile:
    beside = sorted(path.parent.glob("*")) if path.suffix == ".safetensors" else []
    for other in beside:
        if other.suffix in PICKLES:
            return _pickle(path, other.name)
    return CorruptFile(f"{path} is missing; the manifest lists it.", hint=_FETCH_AGAIN)


def _pickle(path: Path, found: str) -> UnsafeFile:
    return UnsafeFile(
        f"{path.parent}: {shown(found)} is a pickle, where {path.name} must be safetensors. "
        "zoo never opens pickles: they can run code.",
        hint="Ask for the artifact as safetensors.",
    )


def _is_pickle(start: bytes) -> bool:
    # Byte 8 of every safetensors file opens its JSON header, whatever the length before it spells.
    if start[8:9] == b"{":
        return False
    return start.startswith(b"PK\x03\x04") or (start[:1] == b"\x80" and start[1:2] in _PROTOCOLS)
