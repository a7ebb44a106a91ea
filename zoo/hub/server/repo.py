"""What a repo is to the hub: commits of files, found by branch, tag or commit id."""

from __future__ import annotations

import abc
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.hub.server.refusal import no_revision

REGULAR_LIMIT = 10 * 1024 * 1024  # larger files go by the LFS route, as on the Hub
_LFS_SUFFIXES = (
    ".safetensors",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".h5",
    ".msgpack",
    ".npz",
    ".npy",
    ".onnx",
    ".parquet",
    ".pkl",
    ".zip",
    ".gz",
)
PR = "refs/pr/"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}\Z")


@dataclass(frozen=True)
class Entry:
    """A file of a commit: its size, its content's sha256, its git object id, and its route."""

    size: int
    sha256: str
    oid: str
    lfs: bool

    @property
    def etag(self) -> str:
        """What the client names the file by in its cache: sha256 by LFS, else the git id."""
        return self.sha256 if self.lfs else self.oid


@dataclass(frozen=True)
class Commit:
    """A state of a repo: every file by path."""

    id: str
    parent: str | None
    title: str
    message: str
    author: str
    date: str
    files: Mapping[str, Entry]


class Repo(abc.ABC):
    """One repo.

    Attributes:
        id: ``owner/name``.
    """

    id: str

    @property
    def private(self) -> bool:
        """Whether it is seen by those only who may write to it."""
        return False

    @property
    def gated(self) -> str | bool:
        """Whether it is listed for all and downloaded by those only who may write to it."""
        return False

    @property
    @abc.abstractmethod
    def created(self) -> str:
        """When it was made, as the API writes time."""

    @property
    @abc.abstractmethod
    def branches(self) -> dict[str, str]:
        """Branches and the commits they point to."""

    @property
    @abc.abstractmethod
    def tags(self) -> dict[str, str]:
        """Tags and the commits they point to."""

    @property
    def pull_requests(self) -> dict[str, str]:
        """Pull requests by number, and their commits."""
        return {}

    @abc.abstractmethod
    def commit(self, commit_id: str) -> Commit:
        """The commit with that full id; raises :class:`Refusal` where there is none."""

    @abc.abstractmethod
    def content(self, commit: Commit, path: str) -> Path:
        """The file on this machine that holds the content of ``path``."""

    def resolve(self, revision: str) -> Commit:
        """The commit that a branch, a tag or a commit id stands for.

        Raises:
            Refusal: there is none.
        """
        name = revision.removeprefix("refs/heads/").removeprefix("refs/tags/")
        if revision.startswith(PR):
            found = self.pull_requests.get(revision.removeprefix(PR))
        else:
            found = self.branches.get(name) or self.tags.get(name)
        if found is None and not re.fullmatch(r"[0-9a-f]{40}", revision):
            raise no_revision(revision)
        return self.commit(found or revision)


def is_repo_id(repo_id: str) -> bool:
    """Whether ``owner/name`` is a name that the Hub would take; also what is safe as a path."""
    owner, _, name = repo_id.partition("/")
    names = bool(_NAME.match(owner) and _NAME.match(name))
    return names and ".." not in repo_id and "--" not in repo_id and not repo_id.endswith(".git")


def by_lfs(path: str, size: int, sample: bytes) -> bool:
    """Whether a file takes the LFS route: large, or not text."""
    return size > 0 and (
        size > REGULAR_LIMIT or path.lower().endswith(_LFS_SUFFIXES) or b"\0" in sample
    )


def git_oid(content: bytes) -> str:
    """The id git gives a file with that content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def pointer(sha256: str, size: int) -> bytes:
    """What git itself stores for a file that is kept by LFS."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    )


def lfs_entry(sha256: str, size: int) -> Entry:
    """The entry of a file that took the LFS route."""
    return Entry(size=size, sha256=sha256, oid=git_oid(pointer(sha256, size)), lfs=True)


def regular_entry(content: bytes) -> Entry:
    """The entry of a small file."""
    sha256 = hashlib.sha256(content).hexdigest()
    return Entry(size=len(content), sha256=sha256, oid=git_oid(content), lfs=False)
