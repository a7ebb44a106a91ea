"""A plain folder of files, served as a repo with one commit whose id follows from its content."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from zoo.hub.server.refusal import no_entry, no_revision
from zoo.hub.server.repo import Commit, Entry, Repo, by_lfs, lfs_entry, regular_entry

_State = tuple[tuple[str, int, int], ...]  # path, size, time of change


class PlainRepo(Repo):
    """Files below ``folder``; hidden ones and links are left out. Looked at again when it changes."""

    def __init__(self, repo_id: str, folder: Path) -> None:
        self.id = repo_id
        self._folder = folder
        self._lock = threading.Lock()
        self._seen: tuple[_State, Commit] | None = None

    @property
    def created(self) -> str:
        """When the newest file was last changed."""
        return self._head().date

    @property
    def branches(self) -> dict[str, str]:
        """One branch, ``main``."""
        return {"main": self._head().id}

    @property
    def tags(self) -> dict[str, str]:
        """None."""
        return {}

    def commit(self, commit_id: str) -> Commit:
        """The one commit there is, if it is that one."""
        head = self._head()
        if head.id != commit_id:
            raise no_revision(commit_id)
        return head

    def content(self, commit: Commit, path: str) -> Path:
        """The file itself; raises :class:`Refusal` where the commit has no such file."""
        if path not in commit.files:
            raise no_entry(path, commit.id)
        return self._folder / path

    def _head(self) -> Commit:
        with self._lock:
            state = tuple(sorted(_walk(self._folder)))
            if self._seen is None or self._seen[0] != state:
                self._seen = (state, self._read(state))
            return self._seen[1]

    def _read(self, state: _State) -> Commit:
        files = {path: _entry(self._folder / path, path, size) for path, size, _ in state}
        identity = "".join(f"{path}\0{entry.sha256}\n" for path, entry in sorted(files.items()))
        newest = max((changed for _, _, changed in state), default=0)
        return Commit(
            id=hashlib.sha1(f"{self.id}\n{identity}".encode()).hexdigest(),
            parent=None,
            title="A plain folder, as it is",
            message="",
            author="",
            date=f"{datetime.fromtimestamp(newest / 1e9, UTC):%Y-%m-%dT%H:%M:%S}.000Z",
            files=files,
        )


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and entry.name != ".gitattributes":
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{prefix}{entry.name}/")
            elif entry.is_file(follow_symlinks=False):
                stat = entry.stat(follow_symlinks=False)
                yield f"{prefix}{entry.name}", stat.st_size, stat.st_mtime_ns


def _entry(file: Path, path: str, size: int) -> Entry:
    with file.open("rb") as stream:
        sample = stream.read(512)
        if not by_lfs(path, size, sample):
            return regular_entry(sample + stream.read())
        stream.seek(0)
        return lfs_entry(hashlib.file_digest(stream, "sha256").hexdigest(), size)
