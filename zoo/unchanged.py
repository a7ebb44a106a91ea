"""What was computed from files, kept for this process as long as they are the same files.

A file is the same while device, inode, size and both times of change are: no program sets the time
of a change of an inode. Times are coarse, so that of a file changed a moment ago nothing is kept.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")

_SETTLED_NS = 2_000_000_000  # the coarsest clock of a common file system
_MOST = 64  # results kept; none is large

_kept: OrderedDict[Hashable, Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class FileState:
    """The state of some files at one moment, to be taken before they are read.

    Attributes:
        states: of each file; empty where nothing is to be kept.
    """

    states: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def at(cls, paths: Iterable[Path]) -> Self:
        """The state of the files at ``paths``; of links, of what they lead to.

        Raises:
            OSError: one is not there.
        """
        return cls.of(path.stat() for path in paths)

    @classmethod
    def of(cls, found: Iterable[os.stat_result]) -> Self:
        """The state that ``found`` tells."""
        found = tuple(found)
        latest = max((max(each.st_mtime_ns, each.st_ctime_ns) for each in found), default=0)
        if latest + _SETTLED_NS > time.time_ns():
            return cls()
        return cls(
            tuple(
                (each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns, each.st_ctime_ns)
                for each in found
            )
        )

    def once(self, what: Hashable, compute: Callable[[], T]) -> T:
        """What ``compute`` gives for these files, computed unless it is known.

        Args:
            what: says which result it is, and holds whatever else decides it.
            compute: its result, never ``None``, is shared and must not be changed.
        """
        known = self.known(what)
        if known is None:
            known = compute()
            self.keep(what, known)
        result: T = known
        return result

    def known(self, what: Hashable) -> Any:
        """What was kept for these files, ``None`` where nothing was."""
        key = (what, self.states)
        with _lock:
            if key in _kept:
                _kept.move_to_end(key)
            return _kept.get(key)

    def keep(self, what: Hashable, result: Any) -> None:
        """Keep a result, which is shared and must not be changed."""
        if not self.states:
            return
        with _lock:
            _kept[what, self.states] = result
            if len(_kept) > _MOST:
                _kept.popitem(last=False)
