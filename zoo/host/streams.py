"""Keeping standard output for data: what plugins and libraries write to it goes to standard error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[TextIO]:
    """Keep what a plugin prints out of the data that commands write to stdout.

    Programs that it starts, and libraries that print from C, write to the file descriptor. Both
    streams are stand-ins meanwhile: what is closed, wrapped or replaced of them is as before
    afterwards.

    Yields:
        What writes to stdout as it was.
    """
    out, err = sys.stdout, sys.stderr
    with _descriptor_to_stderr() as saved:
        hand_out(err)
        try:
            yield _as_it_was(out, saved)
        finally:
            sys.stdout, sys.stderr = out, err


def hand_out(stream: Any) -> None:
    """Make both streams new stand-ins for ``stream``, whatever was done to those before."""
    sys.stdout, sys.stderr = _stand_in(stream), _stand_in(stream)


def _stand_in(stream: Any) -> Any:
    if stream is None:  # as in a service without a terminal
        return None
    return io.TextIOWrapper(_Passing(stream), "utf-8", "backslashreplace", write_through=True)


class _Passing(io.RawIOBase):
    """Passes on what is written; closing it closes nothing else."""

    def __init__(self, stream: Any) -> None:
        super().__init__()
        self._stream = stream

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return bool(self._stream.isatty())

    def fileno(self) -> int:
        return int(self._stream.fileno())

    def flush(self) -> None:
        if not self.closed:
            _flush(self._stream)

    def write(self, data: Any) -> int:
        self._stream.write(bytes(data).decode("utf-8", "backslashreplace"))
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
