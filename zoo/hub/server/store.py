"""All repos of a hub: those it keeps in its directory, and plain folders served as they are."""

from __future__ import annotations

import copy
import functools
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo.errors import OutputExists
from zoo.hub.server.managed import INSIDE, ManagedRepo
from zoo.hub.server.plain import PlainRepo
from zoo.hub.server.refusal import Refusal, no_repo, read_only
from zoo.hub.server.repo import Repo, is_repo_id

DATASETS = "datasets"  # in place of an owner's name, as in the addresses of the Hub
_MARKER = ".zoo-hub"  # a directory with this file in it is the hub's own and may be written to


class Store:
    """Finds, makes and removes repos.

    Args:
        directory: the hub's own if it is new, empty or was so before; any other is served as it
            is, read-only.
        mirrors: folders with ``owner/name/<files>`` in them, served as they are.

    Raises:
        OutputExists: ``directory`` is a file.
    """

    def __init__(self, directory: Path, mirrors: Sequence[Path] = ()) -> None:
        if directory.exists() and not directory.is_dir():
            raise OutputExists(
                f"{directory} is a file; a hub needs a directory.", hint="Name a new directory."
            )
        directory.mkdir(parents=True, exist_ok=True)
        marker = directory / _MARKER
        if not any(directory.iterdir()):
            marker.write_text("This directory belongs to `zoo hub serve`.\n", encoding="utf-8")
        self.directory = directory
        self.writable = marker.is_file()
        self._places = [directory, *mirrors]
        self._lock = threading.Lock()
        self._open: dict[Path, Repo] = {}

    @functools.cached_property
    def datasets(self) -> Store:
        """Repos of datasets: plain folders ``datasets/owner/name``, served as they are."""
        found = copy.copy(self)
        found._places = [place / DATASETS for place in self._places]
        found.writable = False
        return found

    def find(self, repo_id: str) -> Repo:
        """The repo called ``repo_id``, in the directory or the first mirror that has it.

        Raises:
            Refusal: there is none.
        """
        if is_repo_id(repo_id):
            for place in self._places:
                if (place / repo_id).is_dir():
                    return self._opened(repo_id, place / repo_id)
        raise no_repo(repo_id)

    def managed(self, repo_id: str) -> ManagedRepo:
        """As :meth:`find`, for writing; refuses plain folders."""
        repo = self.find(repo_id)
        if not isinstance(repo, ManagedRepo):
            raise read_only(repo_id)
        return repo

    def __iter__(self) -> Iterator[Repo]:
        seen = set()
        for place in self._places:
            for folder in sorted(place.glob("*/*")):
                repo_id = f"{folder.parent.name}/{folder.name}"
                if folder.parent.name == DATASETS:
                    continue
                if is_repo_id(repo_id) and folder.is_dir() and repo_id not in seen:
                    seen.add(repo_id)
                    yield self._opened(repo_id, folder)

    def create(self, repo_id: str, *, private: bool, author: str) -> None:
        """Make an empty repo.

        Raises:
            Refusal: the name is taken (409) or not valid (400), or the directory is read-only (403).
        """
        if not is_repo_id(repo_id):
            raise Refusal(400, f"Invalid repo name {repo_id!r}: letters, digits, '-', '_', '.'")
        self._require_writable()
        with self._lock, tempfile.TemporaryDirectory(dir=self.directory, prefix=".new-") as temp:
            if any((place / repo_id).is_dir() for place in self._places):
                raise Refusal(409, f"You already created this model repo: {repo_id}")
            ready = Path(temp) / "repo"
            ManagedRepo.create(repo_id, ready, private=private, author=author)
            (self.directory / repo_id).parent.mkdir(exist_ok=True)
            ready.rename(self.directory / repo_id)

    def delete(self, repo_id: str) -> None:
        """Remove a repo with all it holds."""
        self.managed(repo_id)
        with self._lock, tempfile.TemporaryDirectory(dir=self.directory, prefix=".old-") as temp:
            shutil.move(self.directory / repo_id, temp)
            self._open.pop(self.directory / repo_id, None)

    def _require_writable(self) -> None:
        if not self.writable:
            raise Refusal(
                403,
                "This hub serves a folder of plain repos read-only; serve a new or empty directory "
                "to write to",
            )

    def _opened(self, repo_id: str, folder: Path) -> Repo:
        # One object a repo, since it holds the lock that commits take.
        managed = folder.parent.parent == self.directory and (folder / INSIDE).is_dir()
        kind = ManagedRepo if managed else PlainRepo
        with self._lock:
            if not isinstance(self._open.get(folder), kind):
                self._open[folder] = kind(repo_id, folder)
            return self._open[folder]
