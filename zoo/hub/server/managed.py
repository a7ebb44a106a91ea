"""A repo the hub keeps itself: commits, refs and content-addressed files in one folder.

::

    owner/name/.zoo-hub/
        repo.json         private, gated, created
        commits/<id>      one JSON document each: parent, title, …, every file
        blobs/<sha256>    contents
        heads/<branch>    a commit id; the name is percent-encoded
        tags/<tag>        likewise
        prs/<number>      likewise, of a pull request
        proposals/<number>  what became of it

Everything is written beside its place and moved there, blobs before commits before refs, so that
readers, in this process or another, see the old state or the new. One process writes at a time.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from zoo.hub.server.refusal import Refusal, no_entry, no_revision
from zoo.hub.server.replacing import replacing, write
from zoo.hub.server.repo import PR, Commit, Entry, Repo

INSIDE = ".zoo-hub"
_PRS = "prs"


class ManagedRepo(Repo):
    """A repo below ``folder/.zoo-hub``.

    Attributes:
        folder: that one.
        lock: held while anything is changed.
    """

    def __init__(self, repo_id: str, folder: Path) -> None:
        self.id = repo_id
        self.folder = folder / INSIDE
        self.lock = threading.RLock()

    @classmethod
    def create(cls, repo_id: str, folder: Path, *, private: bool, author: str) -> None:
        """Make an empty repo in ``folder``, which must not exist."""
        for part in ("commits", "blobs", "heads", "tags"):
            (folder / INSIDE / part).mkdir(parents=True)
        made = cls(repo_id, folder)
        made._save({"private": private, "gated": False, "created": now()})
        first = made.write_commit(None, {}, title="initial commit", author=author)
        made.point("heads", "main", first.id)

    @property
    def private(self) -> bool:
        """Seen by those only who may write to it."""
        return bool(self._settings["private"])

    @property
    def gated(self) -> str | bool:
        """``"auto"``, ``"manual"`` or ``False``."""
        found: str | bool = self._settings["gated"]
        return found

    @property
    def created(self) -> str:
        """When it was made."""
        return str(self._settings["created"])

    @property
    def branches(self) -> dict[str, str]:
        """Branches and their heads."""
        return self._refs("heads")

    @property
    def tags(self) -> dict[str, str]:
        """Tags and their commits."""
        return self._refs("tags")

    @property
    def pull_requests(self) -> dict[str, str]:
        """Pull requests by number, and their commits."""
        return self._refs(_PRS)

    def configure(self, **settings: Any) -> None:
        """Change ``private`` or ``gated``."""
        with self.lock:
            self._save({**self._settings, **settings})

    def commit(self, commit_id: str) -> Commit:
        """The commit with that id."""
        try:
            found = json.loads((self.folder / "commits" / commit_id).read_bytes())
        except FileNotFoundError:
            raise no_revision(commit_id) from None
        files = {path: Entry(**entry) for path, entry in found.pop("files").items()}
        return Commit(id=commit_id, files=files, **found)

    def content(self, commit: Commit, path: str) -> Path:
        """The blob; raises :class:`Refusal` where the commit has no such file."""
        if path not in commit.files:
            raise no_entry(path, commit.id)
        return self.blob(commit.files[path].sha256)

    def blob(self, sha256: str) -> Path:
        """Where a content is or would be."""
        return self.folder / "blobs" / sha256

    def has_blob(self, sha256: str, size: int) -> bool:
        """Whether that content is here in full."""
        blob = self.blob(sha256)
        return blob.is_file() and blob.stat().st_size == size

    @contextlib.contextmanager
    def receive(self, sha256: str) -> Iterator[io.BufferedRandom]:
        """A file to write a content to; kept only if the bytes turn out to be those named.

        Raises:
            Refusal: they are not.
        """
        with replacing(self.blob(sha256)) as stream:
            yield stream
            stream.seek(0)
            found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != sha256:
                raise Refusal(400, f"The bytes received have sha256 {found}, not {sha256}")

    def add(
        self,
        branch: str,
        changes: Mapping[str, Entry | None],
        *,
        title: str,
        message: str = "",
        author: str = "",
        parent: str | None = None,
    ) -> Commit:
        """Commit to a branch.

        Args:
            branch: must exist; ``refs/pr/<number>`` for a pull request.
            changes: new entries by path, ``None`` to delete; their contents must be here.
            title, message, author: what the commit says of itself.
            parent: the head the caller knows of, or the beginning of its id.

        Raises:
            Refusal: no such branch (404), or the head is another commit than ``parent`` (412).
        """
        kind, name = (_PRS, branch.removeprefix(PR)) if branch.startswith(PR) else ("heads", branch)
        with self.lock:
            head = self._refs(kind).get(name)
            if head is None:
                raise no_revision(branch)
            if parent is not None and not head.startswith(parent):
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            made = self.write_commit(head, changes, title=title, message=message, author=author)
            self.point(kind, name, made.id)
            return made

    def add_ref(self, kind: str, name: str, commit_id: str) -> None:
        """Make a branch (``heads``) or a tag (``tags``).

        Raises:
            Refusal: it exists (409).
        """
        with self.lock:
            if name in self._refs(kind):
                raise Refusal(409, f"Reference {name} already exists")
            self.point(kind, name, commit_id)

    def remove_ref(self, kind: str, name: str) -> None:
        """Delete a branch or a tag.

        Raises:
            Refusal: there is none, or it is ``main``.
        """
        if (kind, name) == ("heads", "main"):
            raise Refusal(403, "The branch main cannot be deleted")
        with self.lock:
            if name not in self._refs(kind):
                raise no_revision(name)
            self._ref(kind, name).unlink()

    def write_commit(
        self,
        parent: str | None,
        changes: Mapping[str, Entry | None],
        *,
        title: str,
        message: str = "",
        author: str = "",
    ) -> Commit:
        """A commit that no ref stands for yet; as :meth:`add`."""
        before = self.commit(parent).files if parent else {}
        files = {path: entry for path, entry in {**before, **changes}.items() if entry is not None}
        _refuse_file_as_folder(files)
        content = {
            "parent": parent,
            "title": title,
            "message": message,
            "author": author,
            "date": now(),
            "files": {path: asdict(entry) for path, entry in sorted(files.items())},
        }
        document = json.dumps(content, sort_keys=True).encode()
        commit_id = hashlib.sha1(document).hexdigest()
        write(self.folder / "commits" / commit_id, document)
        return self.commit(commit_id)

    def _refs(self, kind: str) -> dict[str, str]:
        found: dict[str, str] = {}
        if not (self.folder / kind).is_dir():
            return found
        for path in sorted((self.folder / kind).iterdir()):
            if not path.name.startswith("."):
                with contextlib.suppress(FileNotFoundError):  # deleted in between
                    found[unquote(path.name)] = path.read_text()
        return found

    def _ref(self, kind: str, name: str) -> Path:
        if not name or len(name) > 100 or name.startswith("."):
            raise Refusal(
                400, "A reference has a name of 1 to 100 characters, not beginning with ."
            )
        return self.folder / kind / quote(name, safe="")

    def point(self, kind: str, name: str, commit_id: str) -> None:
        """Let a ref stand for a commit from now on."""
        (self.folder / kind).mkdir(exist_ok=True)  # repos of earlier versions have none of some
        write(self._ref(kind, name), commit_id.encode())

    @property
    def _settings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "repo.json").read_bytes())
        return found

    def _save(self, settings: Mapping[str, Any]) -> None:
        write(self.folder / "repo.json", json.dumps(settings, sort_keys=True).encode())


def _refuse_file_as_folder(files: Mapping[str, Entry]) -> None:
    for path in files:
        parts = path.split("/")
        for depth in range(1, len(parts)):
            if "/".join(parts[:depth]) in files:
                raise Refusal(400, f"{'/'.join(parts[:depth])} is a file and cannot hold {path}")


def now() -> str:
    """The time, as the API writes it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
