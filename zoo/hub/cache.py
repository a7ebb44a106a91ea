"""The ordinary Hugging Face cache, below ``HF_HOME``: what is here, and how something gets there.

huggingface_hub keeps ``models--owner--name/refs/<revision>`` with the commit last seen, and
``snapshots/<commit>/`` with links to ``blobs/``. zoo names a blob by its sha256, whatever a hub
calls it; so a file that two commits share is here once.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from huggingface_hub import constants, try_to_load_from_cache
from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # public

from zoo.artifact.files import open_regular
from zoo.errors import ArtifactError, WriteFailed

PATIENCE = 120.0  # seconds in which a process that fetches the same has to bring something


def cached_file(repo: str, commit: str, name: str) -> Path | None:
    """Where a file of that commit is, without asking anybody; ``None`` if it is not here."""
    found = try_to_load_from_cache(repo, name, revision=commit, cache_dir=constants.HF_HUB_CACHE)
    return Path(found) if isinstance(found, str) else None


def cached_commit(repo: str, revision: str) -> str | None:
    """The commit that a branch or tag stood for when it was last asked for."""
    with contextlib.suppress(OSError):
        return _ref(repo, revision).read_text(encoding="utf-8").strip() or None
    return None


def remember_commit(repo: str, revision: str, commit: str) -> None:
    """Note what a branch or tag stands for; a cache that cannot be written is left as it is."""
    if cached_commit(repo, revision) != commit:
        with contextlib.suppress(OSError):
            _replace(_ref(repo, revision), lambda path: path.write_text(commit, encoding="utf-8"))


def blob(repo: str, sha256: str) -> Path:
    """Where those bytes are, or would be."""
    return _folder(repo) / "blobs" / sha256


def partial(repo: str, sha256: str) -> Path:
    """Where they are as long as they are not all here; kept for whoever goes on."""
    return _folder(repo) / "blobs" / f"{sha256}.zoo.incomplete"


@contextlib.contextmanager
def locked(repo: str, sha256: str) -> Iterator[None]:
    """One process at a time fetches the same bytes; the client library honours the same lock.

    Raises:
        WriteFailed: the one that does brings nothing for long: it is stopped, or it died on another
            machine whose file system has no locks but such as stay behind.
    """
    folder = Path(constants.HF_HUB_CACHE, ".locks", _folder(repo).name)
    folder.mkdir(parents=True, exist_ok=True)
    blob(repo, sha256).parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        path, before = folder / f"{sha256}.lock", -1
        while True:
            try:
                stack.enter_context(WeakFileLock(path, timeout=PATIENCE))
                break
            except TimeoutError as err:
                size = _fetched_so_far(repo, sha256)
                if size == before:
                    raise _stuck(repo, path) from err
                before = size
        yield


def _fetched_so_far(repo: str, sha256: str) -> int:
    parts = blob(repo, sha256).parent.glob(f"{sha256}*.incomplete")
    return sum(path.stat().st_size for path in parts)


def _stuck(repo: str, path: Path) -> WriteFailed:
    return WriteFailed(
        f"Another process has been fetching {repo} for long, and brings nothing.",
        hint=f"End it and try again; where there is none, remove {path}.",
    )


def keep(repo: str, sha256: str, content: bytes) -> None:
    """Put bytes where they belong, all at once."""
    _replace(blob(repo, sha256), lambda path: path.write_bytes(content))


def link(repo: str, commit: str, name: str, sha256: str) -> Path:
    """Let a file of a commit be those bytes: by a link, or a copy where there are no links."""
    target, place = blob(repo, sha256), _folder(repo) / "snapshots" / commit / name

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


def _folder(repo: str) -> Path:
    return Path(constants.HF_HUB_CACHE, f"models--{repo.replace('/', '--')}")


def _ref(repo: str, revision: str) -> Path:
    return _folder(repo) / "refs" / Path(*revision.split("/"))
