"""A file on its way: what is handed over is what was hashed, or the upload does not end."""

from __future__ import annotations

import hashlib
import io
import os
from typing import BinaryIO, cast

from huggingface_hub import CommitOperationAdd

from zoo.hub.outgoing import Outgoing, changed
from zoo.progress import Advance


class Sending(io.BufferedIOBase):
    """An open file that the client library reads from.

    Never a path: hf_xet takes paths only, and a hub without Xet takes the LFS route only.

    Attributes:
        changed: whether somebody wrote to it since it was hashed.
    """

    def __init__(self, file: Outgoing, advance: Advance) -> None:
        self._file = file
        self._inner = file.open()
        self._before = self._stat()
        self._advance = advance
        self._sending = False
        self._sha256, self._seen = hashlib.sha256(), 0
        self.changed = False

    def addition(self) -> CommitOperationAdd:
        """What a commit is given of it.

        Raises:
            CorruptFile: it is not any more what was hashed.
        """
        made = CommitOperationAdd(self._file.path, cast(BinaryIO, self))  # hashes it
        if made.upload_info.sha256.hex() != self._file.sha256:
            raise self.error()
        self._sending = True
        return made

    def error(self) -> Exception:
        """That it changed."""
        return changed(self._file.path)

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file."""
        start = self._inner.tell()
        piece = self._inner.read(-1 if size is None else size)
        if self._sending:
            self._compare(start, piece)
            self._advance(len(piece))
        return piece

    def _compare(self, start: int, piece: bytes) -> None:
        """Raise before the last piece is out: a hub keeps nothing that is not complete."""
        if start == 0:
            self._sha256, self._seen = hashlib.sha256(), 0
        if start <= self._seen:  # what is sent again was looked at before
            self._sha256.update(piece[self._seen - start :])
            self._seen = max(self._seen, start + len(piece))
        size = self._file.size
        ends_early = not piece and start < size
        differs = self._seen == size and self._sha256.hexdigest() != self._file.sha256
        if ends_early or differs or start + len(piece) > size or self._stat() != self._before:
            self.changed = True
            raise self.error()

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = os.fstat(self._inner.fileno())
        except OSError:
            return None  # it is in memory
        return found.st_size, found.st_mtime_ns

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As any file."""
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        """As any file."""
        return self._inner.tell()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """As any file."""
        self._inner.close()
        super().close()
