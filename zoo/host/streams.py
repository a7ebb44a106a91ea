"""Keeping standard output for data: what plugins and libraries write to it goes to standard error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[TextIO]:
    """Keep what a plugin prints out of the data that commands write to stdout.

    Programs that it starts, and libraries that print from C, write to the file descriptor. Both
    streams are stand-ins meanwhile: what is closed, wrapped or replaced of them is as before
    afterwards, as are the descriptors.

    Yields:
        What writes to stdout as it was.
    """
    out, err = sys.stdout, sys.stderr
    with kept_open(2), _descriptor_to_stderr() as saved:
        hand_out(err)
        try:
            yield _as_it_was(out, saved)
        finally:
            sys.stdout, sys.stderr = out, err


@contextlib.contextmanager
def kept_open(*descriptors: int) -> Iterator[Callable[[], None]]:
    """See that descriptors are afterwards what they were, though somebody closes them.

    Yields:
        What sees to it at once.
    """
    copies = {}
    for descriptor in descriptors:
        with contextlib.suppress(OSError):  # it is closed
            copies[descriptor] = os.dup(descriptor)

    def put_back() -> None:
        for descriptor, copy in copies.items():
            if not _is_same_file(descriptor, copy):
                os.dup2(copy, descriptor)

    try:
        yield put_back
    finally:
        put_back()
        for copy in copies.values():
            os.close(copy)


def _is_same_file(one: int, other: int) -> bool:
    try:
        return os.path.samestat(os.fstat(one), os.fstat(other))
    except OSError:
        return False


def hand_out(stream: Any) -> None:
    """Make both streams sound stand-ins for ``stream``, whatever was done to those before."""
    sys.stdout, sys.stderr = _stand_ins(stream)


# They live for ever. While a thread prints, Python 3.11 and 3.12 do not count it among those that
# hold the stream: one that is let go of meanwhile takes the process down (python/cpython#130163).
_made: list[io.TextIOWrapper] = []


def _stand_ins(stream: Any) -> tuple[Any, Any]:
    if stream is None:  # as in a service without a terminal
        return None, None
    sound = [made for made in _made if _is_sound(made, stream)][:2]
    while len(sound) < 2:
        sound.append(
            io.TextIOWrapper(_Passing(stream), "utf-8", "backslashreplace", write_through=True)
        )
        _made.append(sound[-1])
    return sound[0], sound[1]


def _is_sound(made: io.TextIOWrapper, stream: object) -> bool:
    """Whether a stand-in is one for ``stream``, and nobody detached or changed it."""
    try:
        kept = made.encoding == "utf-8" and made.errors == "backslashreplace" and not vars(made)
        return kept and getattr(made.buffer, "stream", None) is stream
    except ValueError:  # it is detached
        return False


class _Passing(io.RawIOBase):
    """Passes on what is written. It cannot be closed, not even by a wrapper that goes."""

    name = "<stderr>"

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self.stream = stream

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self.stream.isatty())

    def fileno(self) -> int:
        return int(self.stream.fileno())

    def flush(self) -> None:
        _flush(self.stream)

    def close(self) -> None:
        self.flush()

    def write(self, data: Any) -> int:
        self.stream.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)


@contextlib.contextmanager
def _descriptor_to_stderr() -> Iterator[int | None]:
    try:
        _flush(sys.__stdout__)
        saved = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # closed, as in a service without a terminal
        yield None
        return
    try:
        yield saved
    finally:
        _flush(sys.__stdout__)  # what was printed to it by name
        os.dup2(saved, 1)
        os.close(saved)


def _as_it_was(stream: TextIO, saved: int | None) -> TextIO:
    """``stream``; where it writes to the descriptor that was turned away, another on its copy."""
    with contextlib.suppress(AttributeError, OSError, ValueError):
        if saved is not None and stream.fileno() == 1:
            copy = io.FileIO(saved, "w", closefd=False)
            return io.TextIOWrapper(
                io.BufferedWriter(copy),
                stream.encoding,
                stream.errors,
                line_buffering=stream.isatty(),
            )
    return stream


def _flush(stream: object) -> None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        stream.flush()  # type: ignore[attr-defined]  # None where there is no stdout
