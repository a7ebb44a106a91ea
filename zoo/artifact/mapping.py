"""Which files may be mapped, and how. No torch.

A file that is mapped can be cut by whoever may write to it, which kills the process at the next
look, or changed after it was checked. So a file is mapped only where that is the user of this
process alone (or root), whose own doing it then is; and only where it is large, because reading a
small one costs nothing. zoo itself never writes into a file: it puts a new one in its place, and
the old one stays as it was for whoever has mapped it.
"""

from __future__ import annotations

import io
import mmap
import os
import stat

LARGE = 16 * 1024 * 1024


def map_own(stream: io.BufferedReader) -> mmap.mmap | None:
    """A private, writable view of a regular file, whose pages are shared until they are changed.

    ``None`` where the file is small or others may write to it, and on systems where a file that is
    mapped cannot be replaced.
    """
    found = os.fstat(stream.fileno())
    if os.name != "posix" or found.st_size < LARGE:
        return None
    others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if others or found.st_uid not in (0, os.geteuid()):
        return None
    return mmap.mmap(stream.fileno(), found.st_size, access=mmap.ACCESS_COPY)
