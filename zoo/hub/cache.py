"""The ordinary Hugging Face cache, below ``HF_HOME``: what is here, and how something gets there.

huggingface_hub keeps ``models--owner--name/refs/<revision>`` with the commit last seen, and
``snapshots/<commit>/`` with links to ``blobs/``. zoo names a blob by its sha256, whatever a hub
calls it; so a file that two commits share is here once. What another hub than the default one
answers is in ``models--<hub>--owner--name``: an ``entry`` is ``owner/name`` or ``<hub>/owner/name``.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # public

from zoo.artifact.files import open_regular
from zoo.errors import ArtifactError, WriteFailed

PATIENCE = 120.0  # seconds in which a process that fetches the same has to bring something


def cached_file(entry: str, commit: str, name: str) -> Path | None:
    """Where a file of that commit is, without asking anybody; ``None`` if it is not here."""
    found = snapshot(entry, commit) / name
    return found if found.is_file() else None


def snapshot(entry: str, commit: str) -> Path:
    """The folder of a commit."""
    return folder(entry) / "snapshots" / commit


def folder(entry: str) -> Path:
    """The folder of a repo of a hub."""
    return Path(constants.HF_HUB_CACHE, f"models--{entry.replace('/', '--')}")


def cached_commit(entry: str, revision: str) -> str | None:
    """The commit that a branch or tag stood for when it was last asked for."""
    with contextlib.suppress(OSError):
        return _ref(entry, revision).read_text(encoding="utf-8").strip() or None
    return None


def remember_commit(entry: str, revision: str, commit: str) -> None:
    """Note what a branch or tag stands for; a cache that cannot be written is left as it is."""
    if cached_commit(entry, revision) != commit:
        with contextlib.suppress(OSError):
            _replace(_ref(entry, revision), lambda path: path.write_text(commit, encoding="utf-8"))


def blob(entry: str, sha256: str) -> Path:
    """Where those bytes are, or would be."""
    return folder(entry) / "blobs" / sha256


def partial(entry: str, sha256: str) -> Path:
    """Where they are as long as they are not all here; kept for whoever goes on."""
    return folder(entry) / "blobs" / f"{sha256}.zoo.incomplete"


@contextlib.contextmanager
def locked(entry: str, sha256: str) -> Iterator[None]:
    """One process at a time fetches the same bytes; the client library honours the same lock.

    Raises:
        WriteFailed: the one that does brings nothing for long: it is stopped, or it died on another
            machine whose file system has no locks but such as stay behind.
    """
    locks = Path(constants.HF_HUB_CACHE, ".locks", folder(entry).name)
    locks.mkdir(parents=True, exist_ok=True)
    blob(entry, sha256).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        path, before = locks / f"{sha256}.lock", -1
        while True:
            try:
                stack.enter_context(WeakFileLock(path, timeout=PATIENCE))
                break
            except TimeoutError as err:
                size = _fetched_so_far(entry, sha256)
                if size == before:
                    raise _stuck(entry, path) from err
                before = size
        yield


def _fetched_so_far(entry: str, sha256: str) -> int:
    parts = blob(entry, sha256).parent.glob(f"{sha256}*.incomplete")
    return sum(path.stat().st_size for path in parts)


def _stuck(entry: str, path: Path) -> WriteFailed:
    return WriteFailed(
        f"Another process has been fetching {entry} for long, and brings nothing.",
        hint=f"End it and try again; where there is none, remove {path}.",
    )


def keep(entry: str, sha256: str, content: bytes) -> None:
    """Put bytes where they belong, all at once."""
    _replace(blob(entry, sha256), lambda path: path.write_bytes(content))


def link(entry: str, commit: str, name: str, sha256: str) -> Path:
    """Let a file of a commit be those bytes: by a link, or a copy where there are no links."""
    target, place = blob(entry, sha256), snapshot(entry, commit) / name

    def make(path: Path) -> None:
        try:
            if constants.HF_HUB_DISABLE_SYMLINKS:
                raise OSError
            path.symlink_to(os.path.relpath(target, place.parent))
        except OSError:
            shutil.copyfile(target, path)

    _replace(place, make)
    return place


def discard(path: Path) -> None:
    """Take a damaged file out of the cache, the blob behind its link included."""
    with contextlib.suppress(OSError):
        if path.is_symlink():
            path.resolve().unlink(missing_ok=True)
        path.unlink()


def read_small(path: Path, limit: int) -> bytes:
    """At most ``limit`` bytes of a regular file.

    Raises:
        ArtifactError: it is not a regular file, or it is larger.
    """
    with open_regular(path) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ArtifactError(f"{path} is larger than {limit} bytes.")
    return content


def _replace(path: Path, make: Callable[[Path], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name[:100]}.{secrets.token_hex(4)}.incomplete")
    try:
        make(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _ref(entry: str, revision: str) -> Path:
    return folder(entry) / "refs" / Path(*revision.split("/"))
