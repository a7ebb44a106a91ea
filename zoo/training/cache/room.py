"""Where activations are kept on this machine, and how much of its disk they may have."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import BadSetting

FOLDER, LIMIT = "ZOO_CACHE", "ZOO_CACHE_LIMIT"
_OFF = ("off", "none", "0")
_DEFAULT_LIMIT = "20GB"
_SPARE = 2**30  # bytes of the disk that are left to others
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", re.IGNORECASE)


@dataclass(frozen=True)
class Room:
    """A folder with an entry for each computation.

    Attributes:
        folder: of the entries; ``None`` where nothing is to be kept on disk.
        limit: bytes of all entries together.
    """

    folder: Path | None
    limit: int

    @classmethod
    def configured(cls) -> Room:
        """As ``ZOO_CACHE`` and ``ZOO_CACHE_LIMIT`` say.

        Raises:
            BadSetting: the limit is no size.
        """
        named = os.environ.get(FOLDER, "").strip()
        # Unlike Path.home(), expanduser does not raise where an account has no home.
        home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        folder = Path(named).expanduser() if named else Path(home, "zoo", "activations")
        return cls(None if named.lower() in _OFF else folder, _bytes(os.environ.get(LIMIT, "")))

    def entry(self, key: str) -> Path | None:
        """The folder of an entry."""
        return self.folder / key if self.folder else None

    def refusal(self, size: int, keep: str) -> str:
        """Why ``size`` bytes more cannot be kept in entry ``keep``; empty where they can.

        Entries that were not used for longest are removed as far as the limit asks for it.
        """
        if self.folder is None:
            return f"{FOLDER} is off"
        if size > self.limit:
            return f"the limit is {human(self.limit)}; {LIMIT} sets another"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._evict(size, keep)
            free = shutil.disk_usage(self.folder).free
        except OSError as err:
            return f"{self.folder}: {err.strerror or err}"
        if size > free - _SPARE:
            return f"the disk of {self.folder} has {human(free)} left"
        return ""

    def _evict(self, size: int, keep: str) -> None:
        assert self.folder is not None  # the caller looked
        entries = [entry for entry in self.folder.iterdir() if entry.is_dir()]
        sizes = {entry: _size(entry) for entry in entries}
        total = sum(sizes.values()) + size
        for entry in sorted(entries, key=_used):
            if total <= self.limit:
                return
            if entry.name != keep:
                shutil.rmtree(entry, ignore_errors=True)
                total -= sizes[entry]


def human(size: float) -> str:
    """A number of bytes as people write it."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text.strip() or _DEFAULT_LIMIT)
    if match is None:
        raise BadSetting(
            f"{LIMIT}={text[:40]!r} is not a size.", hint=f"For example `{LIMIT}=5GB`."
        )
    power = " KMGT".index(match[2].upper() or " ")
    return int(float(match[1]) * 1000**power)


def _size(entry: Path) -> int:
    total = 0
    with contextlib.suppress(OSError):  # another process may remove it meanwhile
        total = sum(file.stat().st_size for file in entry.iterdir())
    return total


def _used(entry: Path) -> float:
    with contextlib.suppress(OSError):
        return entry.stat().st_mtime
    return 0.0
